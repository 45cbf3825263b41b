//! Checked, strided windows on slices, read as matrices.

use std::ops::Range;

use crate::Real;

/// A matrix that borrows a slice: element `(i, j)` is `data[i * row_stride + j * column_stride]`.
///
/// Invariant: every element lies inside the borrowed slice. It is checked once, when the view is made.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T: Real> View<'a, T> {
    /// The `(rows, columns)` matrix with the given strides, in elements.
    ///
    /// # Panics
    ///
    /// If an element would lie outside `data`.
    #[track_caller]
    pub fn new(data: &'a [T], rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> Self {
        check_reach(data.len(), [rows, columns], [row_stride, column_stride]);
        Self { data, rows, columns, row_stride, column_stride }
    }

    /// The `(rows, columns)` matrix whose rows lie one after the other in all of `data`.
    ///
    /// # Panics
    ///
    /// If `data` does not have exactly `rows * columns` elements.
    #[track_caller]
    pub fn row_major(data: &'a [T], rows: usize, columns: usize) -> Self {
        check_length(data.len(), rows, columns);
        Self { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The transposed matrix, on the same memory.
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// The matrix of the columns in `range`, on the same memory.
    ///
    /// # Panics
    ///
    /// If `range` does not lie in `0..columns`.
    #[track_caller]
    pub fn column_range(self, range: Range<usize>) -> Self {
        check_range(&range, self.columns, "columns");
        self.window(0..self.rows, range)
    }

    /// The matrix of the rows in `range`, on the same memory.
    ///
    /// # Panics
    ///
    /// If `range` does not lie in `0..rows`.
    #[track_caller]
    pub fn row_range(self, range: Range<usize>) -> Self {
        check_range(&range, self.rows, "rows");
        self.window(range, 0..self.columns)
    }

    /// The element in row `row` and column `column`.
    ///
    /// # Panics
    ///
    /// If there is no such row or column.
    #[track_caller]
    pub fn at(&self, row: usize, column: usize) -> T {
        assert!(
            row < self.rows && column < self.columns,
            "element ({row}, {column}) of a {} x {} view",
            self.rows,
            self.columns
        );
        self.data[row * self.row_stride + column * self.column_stride]
    }

    /// The square of `N` rows and columns from `row` and `column` on, if it lies in the matrix and its rows are contiguous.
    #[inline(always)]
    pub(crate) fn block<const N: usize>(&self, row: usize, column: usize) -> Option<[&'a [T; N]; N]> {
        if self.column_stride != 1 || row + N > self.rows || column + N > self.columns {
            return None;
        }
        let data = self.data;
        Some(std::array::from_fn(|i| {
            data[(row + i) * self.row_stride + column..].first_chunk().expect("the block lies in the matrix")
        }))
    }

    fn window(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        // An empty window may start behind the last element, where slicing would fail.
        let empty = rows.is_empty() || columns.is_empty();
        let start = if empty { 0 } else { rows.start * self.row_stride + columns.start * self.column_stride };
        Self { data: &self.data[start..], rows: rows.len(), columns: columns.len(), ..self }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0 || self.columns == 0
    }

    pub(crate) fn strides(&self) -> [usize; 2] {
        [self.row_stride, self.column_stride]
    }

    pub(crate) fn as_ptr(&self) -> *const T {
        self.data.as_ptr()
    }
}

/// A matrix that borrows a slice mutably; its rows are contiguous, `row_stride >= columns` elements apart.
///
/// Invariant: every element lies inside the borrowed slice, and no two elements share memory.
#[derive(Debug)]
pub struct ViewMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a, T: Real> ViewMut<'a, T> {
    /// The `(rows, columns)` matrix whose rows start `row_stride` elements apart.
    ///
    /// # Panics
    ///
    /// If an element would lie outside `data`, or rows would overlap (`row_stride < columns`).
    #[track_caller]
    pub fn new(data: &'a mut [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(row_stride >= columns, "rows of {columns} elements overlap at a row stride of {row_stride}");
        check_reach(data.len(), [rows, columns], [row_stride, 1]);
        Self { data, rows, columns, row_stride }
    }

    /// The `(rows, columns)` matrix whose rows lie one after the other in all of `data`.
    ///
    /// # Panics
    ///
    /// If `data` does not have exactly `rows * columns` elements.
    #[track_caller]
    pub fn row_major(data: &'a mut [T], rows: usize, columns: usize) -> Self {
        check_length(data.len(), rows, columns);
        Self { data, rows, columns, row_stride: columns }
    }

    /// The matrix of the columns in `range`, on the same memory.
    ///
    /// # Panics
    ///
    /// If `range` does not lie in `0..columns`.
    #[track_caller]
    pub fn column_range(self, range: Range<usize>) -> Self {
        check_range(&range, self.columns, "columns");
        let start = if self.rows == 0 || range.is_empty() { 0 } else { range.start };
        Self { data: &mut self.data[start..], rows: self.rows, columns: range.len(), row_stride: self.row_stride }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0 || self.columns == 0
    }

    pub(crate) fn row_stride(&self) -> usize {
        self.row_stride
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut T {
        self.data.as_mut_ptr()
    }

    /// Row `row` as a slice.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let start = if self.columns == 0 { 0 } else { row * self.row_stride };
        &mut self.data[start..start + self.columns]
    }
}

#[track_caller]
fn check_length(length: usize, rows: usize, columns: usize) {
    assert!(
        rows.checked_mul(columns) == Some(length),
        "a {rows} x {columns} matrix does not fill a slice of {length} elements"
    );
}

#[track_caller]
fn check_reach(length: usize, [rows, columns]: [usize; 2], [row_stride, column_stride]: [usize; 2]) {
    let last = |count: usize, stride: usize| (count - 1).checked_mul(stride);
    let fits = rows == 0
        || columns == 0
        || last(rows, row_stride)
            .zip(last(columns, column_stride))
            .and_then(|(down, right)| down.checked_add(right))
            .is_some_and(|index| index < length);
    assert!(
        fits,
        "a {rows} x {columns} matrix with strides ({row_stride}, {column_stride}) reaches beyond {length} elements"
    );
}

#[track_caller]
fn check_range(range: &Range<usize>, count: usize, what: &str) {
    assert!(range.start <= range.end && range.end <= count, "{what} {range:?} of {count}");
}
