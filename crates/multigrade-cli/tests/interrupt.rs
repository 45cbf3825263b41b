//! Ctrl-C, a polite end, a killed process, a disk that is full and a folder that takes no files: a model that was there stays
//! as it was, and nothing half written is left.
#![cfg(unix)]

mod place;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::process::{Child, ChildStderr, Command, Stdio};

use place::{Place, smooth};

/// A fit of far more epochs than anybody would wait for, and its messages from the point where it listens to signals.
fn endless(place: &Place) -> (Child, Lines<BufReader<ChildStderr>>) {
    place.write("t.csv", smooth(45));
    let args = "fit t.csv --target z --out m --force --grade 8:tanh --weight-decay 0 --solver adam --epochs 4000000000";
    let mut child = place
        .command(&args.split(' ').collect::<Vec<_>>())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("Ctrl-C stops"));
    (child, lines)
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn an_interrupted_fit_writes_the_grades_done_so_far_and_ends_with_status_1() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let place = Place::new();
        let (mut child, lines) = endless(&place);
        signal(&child, name);
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{name}: {rest:?}");
        assert!(rest.iter().any(|line| line.contains("Ctrl-C again quits")), "{rest:?}");
        assert!(rest.iter().any(|line| line.contains("m.safetensors holds the 1 grade done so far")), "{rest:?}");

        assert_eq!(place.names(), ["m.html", "m.run.json", "m.safetensors", "t.csv"]);
        let about = place.run(&["inspect", "m", "--json"]).expect_status(0).json();
        assert!(about["history"]["stop"].as_str().unwrap().contains("interrupted"));
        place.run(&["predict", "m", "t.csv"]).expect_status(0);
        let run: serde_json::Value = serde_json::from_slice(&place.read("m.run.json")).unwrap();
        assert_eq!(run["interrupted"], true);
    }
}

#[test]
fn interrupted_predictions_leave_every_file_as_it_was() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let place = Place::with_model();
        place.write("p.csv", "mine");
        let names = place.names();
        let mut command = place.command(&["predict", "m", "-", "--out", "p.csv", "--force"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Answers begin when the first megabyte is known; more rows never come.
        let mut rows = child.stdin.take().unwrap();
        rows.write_all(smooth(200_000).as_bytes()).unwrap();
        let is_begun =
            |name: &String| name.ends_with(".tmp") && place.path(name).metadata().is_ok_and(|it| it.len() > 0);
        while !place.names().iter().any(is_begun) {
            assert!(child.try_wait().unwrap().is_none());
        }
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert!(err.contains("stopped: nothing is written"), "{name}: {err}");
        assert_eq!((place.names(), place.read("p.csv")), (names, b"mine".to_vec()), "{name}");
    }
}

#[test]
fn a_killed_fit_leaves_the_model_before_it_and_nothing_else_after_the_next_run() {
    let place = Place::with_model();
    let model = place.read("m.safetensors");
    let (mut child, _lines) = endless(&place);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(place.read("m.safetensors") == model);
    place.run(&["predict", "m", "smooth.csv"]).expect_status(0);
    // What a process leaves that is killed while it writes.
    place.write(".multigrade-a1B2c3.tmp", &model[..model.len() / 2]);
    place.run(&["truncate", "m", "--grades", "1", "--out", "next"]).expect_status(0);
    assert_eq!(place.names(), ["m.html", "m.run.json", "m.safetensors", "next.safetensors", "smooth.csv", "t.csv"]);
}

#[test]
fn processes_that_are_killed_at_any_moment_leave_a_whole_model() {
    let place = Place::with_model();
    // Both models are as true as the other: which one is there tells how far the killed process came.
    let whole = [1, 2].map(|grades| {
        let out = format!("g{grades}");
        place.run(&["truncate", "m", "--grades", &grades.to_string(), "--out", &out]).expect_status(0);
        place.read(&format!("{out}.safetensors"))
    });
    place.write("x.safetensors", &whole[0]);
    for moment in 0..60 {
        let grades = (1 + moment % 2).to_string();
        let mut child =
            place.command(&["truncate", "m", "--grades", &grades, "--out", "x", "--force"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(100 * moment));
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
        assert!(whole.contains(&place.read("x.safetensors")), "killed after {moment} tenths of a millisecond");
    }
    place.run(&["truncate", "m", "--grades", "2", "--out", "x", "--force"]).expect_status(0);
    assert!(place.read("x.safetensors") == whole[1]);
    assert!(place.names().iter().all(|name| !name.starts_with('.')), "{:?}", place.names());
}

/// Every command that writes a file, with the name of the file.
const WRITERS: [&[&str]; 6] = [
    &["fit", "smooth.csv", "--target", "z", "--out", "x", "--grades", "1", "--solver", "random", "--quiet", "--force"],
    &["predict", "m", "smooth.csv", "--out", "x.csv", "--force"],
    &["truncate", "m", "--grades", "1", "--out", "x", "--force"],
    &["report", "m", "smooth.csv", "--out", "x.html", "--force"],
    &["export", "m", "--format", "onnx", "--out", "x.onnx", "--force"],
    &["construct", "x^2", "--domain", "x=0..1", "--tol", "0.01", "--out", "x", "--force", "--quiet"],
];

#[test]
fn a_full_disk_is_named_and_leaves_every_file_as_it_was() {
    let place = Place::with_model();
    for name in ["x.safetensors", "x.csv", "x.html", "x.onnx", "x.run.json", "x.certificate.json"] {
        place.write(name, "mine");
    }
    let names = place.names();
    for args in WRITERS {
        // No file may be longer than a block of 512 bytes: writing fails in the middle, as on a full disk.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_multigrade")]);
        let output = command.args(args).current_dir(place.root()).stdin(Stdio::null()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.starts_with("error: x.") && err.contains("too large"), "{args:?}: {err}");
        assert_eq!(place.names(), names, "{args:?}");
        assert!(names.iter().filter(|name| name.starts_with("x.")).all(|name| place.read(name) == b"mine"), "{args:?}");
    }
}

#[test]
fn a_folder_that_takes_no_files_is_named_before_anything_is_computed() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with_model();
    let names = place.names();
    let may = |mode| std::fs::set_permissions(place.root(), std::fs::Permissions::from_mode(mode)).unwrap();
    may(0o555);
    // Root may write anywhere.
    let is_root = std::fs::write(place.path("probe"), "").is_ok();
    if !is_root {
        for args in WRITERS {
            let answer = place.run(args);
            may(0o755);
            answer.expect_refusal(&["x.", "cannot be written", "ermission denied"]);
            assert_eq!(place.names(), names, "{args:?}");
            may(0o555);
        }
    }
    may(0o755);
    // A folder in which nobody can make a file, root included.
    let answer = place.run(&["truncate", "m", "--grades", "1", "--out", "/proc/x"]);
    if cfg!(target_os = "linux") {
        answer.expect_refusal(&["/proc/x.safetensors", "cannot be written"]);
    }
}
