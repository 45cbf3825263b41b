//! Working memory that begins at a cache line.

use std::ops::{Deref, DerefMut};

use crate::Real;

/// The size of a cache line, and of the widest vector register.
const LINE_BYTES: usize = 64;

/// A slice of zeros to begin with, aligned so that vector loads and stores do not straddle cache lines.
/// (A clone is as good, but may be aligned by luck only.)
#[derive(Clone, Debug)]
pub(crate) struct Buffer<T> {
    data: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Real> Buffer<T> {
    pub(crate) fn zeros(length: usize) -> Self {
        let data = vec![T::ZERO; length + LINE_BYTES / size_of::<T>()];
        // `align_offset` may fail by giving a huge number; the memory is then good, only slower.
        let start = data.as_ptr().align_offset(LINE_BYTES).min(LINE_BYTES / size_of::<T>());
        Self { data, start, length }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.data[self.start..self.start + self.length]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data[self.start..self.start + self.length]
    }
}
