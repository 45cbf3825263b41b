//! The README shows code that runs.

use std::path::Path;

#[test]
fn the_readme_shows_the_example_word_for_word() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(here.join("../../README.md")).unwrap();
    let example = std::fs::read_to_string(here.join("examples/engine.rs")).unwrap();
    // All but the heading comment.
    let code = example.split_once("\n\n").unwrap().1;
    assert!(readme.contains(code), "copy crates/multigrade/examples/engine.rs into README.md");
}
