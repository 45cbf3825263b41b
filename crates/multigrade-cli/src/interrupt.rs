//! Ctrl-C: the first one finishes the file with what there is so far, the second one quits; where a part is of no use, the first one quits.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

use crate::failure::Failure;

const RUNNING: u8 = 0;
const STOPPING: u8 = 1;
const WRITING: u8 = 2;

/// What a shell reports for a program that Ctrl-C ended.
const QUIT: i32 = 130;

// One for the process, as the signal is.
static STATE: AtomicU8 = AtomicU8::new(RUNNING);

/// From now on a first Ctrl-C only sets what [`is_requested`] returns, and says that `kept` will be written.
pub(crate) fn listen(kept: &'static str) -> Result<(), Failure> {
    ctrlc::set_handler(move || match STATE.compare_exchange(RUNNING, STOPPING, SeqCst, SeqCst) {
        Ok(_) => eprintln!("\nstopping: {kept} will be written (Ctrl-C again quits at once)"),
        Err(STOPPING) => std::process::exit(QUIT),
        // Writing takes no time worth interrupting, and a file left half written would be worse.
        Err(_) => {}
    })
    .map_err(|error| format!("cannot listen for Ctrl-C: {error}").into())
}

/// From now on Ctrl-C quits at once, and takes with it the file at `temporary`, which is half written.
pub(crate) fn discard(temporary: &Path) -> Result<(), Failure> {
    let temporary = temporary.to_owned();
    let handler = move || {
        // Unless it has its name by now.
        if fs::remove_file(&temporary).is_ok() {
            eprintln!("\nstopped: nothing is written");
        }
        std::process::exit(QUIT);
    };
    ctrlc::set_handler(handler).map_err(|error| format!("cannot listen for Ctrl-C: {error}").into())
}

/// Whether the user asked to stop.
pub(crate) fn is_requested() -> bool {
    STATE.load(SeqCst) == STOPPING
}

/// Calls `write` deaf to Ctrl-C, so that files are written whole. After it there is nothing more to rescue: a Ctrl-C
/// quits.
pub(crate) fn uninterrupted<T>(write: impl FnOnce() -> T) -> T {
    STATE.store(WRITING, SeqCst);
    let written = write();
    STATE.store(STOPPING, SeqCst);
    written
}
