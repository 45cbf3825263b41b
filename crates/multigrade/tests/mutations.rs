//! The fuzz targets on thousands of bytes made from the kept corpus: nothing panics, and nothing takes more memory than a
//! multiple of its input. The same for every run; `docs/reliability.md` says how to run for longer.

#[path = "../../../fuzz/entries.rs"]
mod entries;

use std::alloc::System;
use std::path::Path;

use cap::Cap;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that a target may hold at once for each byte of its input, and without any. Counted generously: an expression of one
/// letter per operation keeps enclosures, slopes and curvatures of every one.
const PER_BYTE: usize = 4096;
const ALWAYS: usize = 8 << 20;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 4] = [
    ("expression", entries::expression),
    ("model", entries::model),
    ("certificate", entries::certificate),
    ("table", entries::table),
];

/// Words that mean something to one of the readers.
const WORDS: [&[u8]; 24] = [
    b"\"",
    b",",
    b";",
    b"\n",
    b"\r",
    b"\0",
    b"1e999",
    b"-",
    b"nan",
    b"[[[[[[[[",
    b"}}",
    b"null",
    b"sin(",
    b"^",
    b"x",
    b"y",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x93NUMPY",
    b"PK\x05\x06",
    b"(1,)",
    b"shape",
    b"=0..1",
];

fn mutated(corpus: &[Vec<u8>], random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = corpus[random.random_range(0..corpus.len())].clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = random.random(),
            2 => bytes.truncate(at),
            3 => {
                let word = WORDS[random.random_range(0..WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            4 => {
                let end = random.random_range(at..=bytes.len().min(at + 64));
                bytes.drain(at..end);
            }
            5 => {
                // Some of it again and again.
                let end = random.random_range(at..=bytes.len().min(at + 16));
                let part = bytes[at..end].repeat(random.random_range(1..200));
                bytes.splice(at..at, part);
            }
            _ => {
                let other = &corpus[random.random_range(0..corpus.len())];
                let from = random.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

/// Has `target` read `bytes` within the limit: an allocation beyond it aborts the test, as a lack of memory would.
fn read_within_limit(target: Target, bytes: &[u8]) {
    MEMORY.set_limit(MEMORY.allocated() + ALWAYS + PER_BYTE * bytes.len()).unwrap();
    target(bytes);
    MEMORY.set_limit(usize::MAX).unwrap();
}

// One test: the limit of memory is that of the whole process.
#[test]
fn no_bytes_make_a_reader_panic_or_take_memory_without_measure() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in TARGETS {
        let mut files: Vec<_> =
            std::fs::read_dir(corpus.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        // The order of a folder is that of the file system.
        files.sort();
        let seeds: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert!(seeds.len() >= 3, "{name}");
        seeds.iter().for_each(|bytes| read_within_limit(target, bytes));
        let mut random = Xoshiro256PlusPlus::seed_from_u64(name.len() as u64);
        for _ in 0..4000 {
            read_within_limit(target, &mutated(&seeds, &mut random));
        }
    }
}
