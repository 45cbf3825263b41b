//! The threads that the library computes on.

use std::sync::{Arc, Mutex};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::Failure;

/// The pool that was used last, with the process and the number of threads it was made for.
static POOL: Mutex<Option<(u32, usize, Arc<ThreadPool>)>> = Mutex::new(None);

/// A pool of `threads` threads, or of one for each core.
///
/// A process that was forked has the memory of its parent but none of its threads: work given to the parent's pool
/// would never be done. So a child makes its own, and forgets the other one without waiting for its threads.
pub(crate) fn pool(threads: Option<usize>) -> Result<Arc<ThreadPool>, Failure> {
    let process = std::process::id();
    let threads = threads.unwrap_or(0);
    let mut last = POOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((owner, count, pool)) = &*last
        && (*owner, *count) == (process, threads)
    {
        return Ok(pool.clone());
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = Arc::new(pool.map_err(|error| Failure::Value(format!("cannot start {threads} threads: {error}")))?);
    match last.replace((process, threads, pool.clone())) {
        Some((owner, _, old)) if owner != process => std::mem::forget(old),
        _ => {}
    }
    Ok(pool)
}
