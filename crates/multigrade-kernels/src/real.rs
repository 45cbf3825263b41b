//! The two scalar types the kernels are written for.

use crate::register::{Eight32, Eight64, Four64, Plain, Sixteen32};
use crate::simd::Isa;
use crate::tile::{self, Finish};
use crate::{View, ViewMut};
use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// What the kernels need beyond [`Real`] and nobody outside may see: the entry into the linear-algebra library and
/// the branch-free functions of one number.
pub(crate) mod sealed {
    use crate::register::Register;
    use crate::simd::Isa;
    use crate::tile::Finish;
    use crate::{View, ViewMut};

    pub trait Sealed: Sized {
        /// A register of 64 bytes.
        type Register64: Register<Self>;

        /// A register of 32 bytes.
        type Register32: Register<Self>;

        /// 16 bytes, on any processor.
        type Register16: Register<Self>;

        /// `out = a b` or `out += a b`. `strides` are (row, column) in elements; `sizes` are rows of `a`, columns of
        /// `a`, columns of `b`; none of them is zero.
        ///
        /// # Safety
        ///
        /// Every element that sizes and strides reach must lie in memory that is valid for reading (`a`, `b`) or for
        /// reading and writing (`out`); the elements of `out` must be distinct and disjoint from `a` and `b`.
        unsafe fn product(
            sizes: [usize; 3],
            out: (*mut Self, [usize; 2]),
            add: bool,
            a: (*const Self, [usize; 2]),
            b: (*const Self, [usize; 2]),
        );

        /// [`tile::multiply`](crate::tile::multiply), compiled in this crate and nowhere else: whether sums stay in registers
        /// shall not depend on who calls.
        fn multiply(out: ViewMut<'_, Self>, flipped: bool, add: bool, a: View<'_, Self>, b: View<'_, Self>);

        /// [`tile::multiply_and`](crate::tile::multiply_and), compiled in this crate and nowhere else.
        fn multiply_and(finish: Finish<'_, Self>, out: ViewMut<'_, Self>, a: View<'_, Self>, b: View<'_, Self>);

        /// `exp(self)`, without branches.
        fn exp_straight<I: Isa>(self) -> Self;

        /// `tanh(self)`, without branches.
        fn tanh_straight<I: Isa>(self) -> Self;

        /// `sin(self)`, `cos(self)` without branches, and whether they may be trusted.
        fn sin_cos_straight<I: Isa>(self) -> (Self, Self, bool);

        /// `sin(self)`, `cos(self)` from the standard library: slow, good everywhere.
        fn sin_cos_careful(self) -> (Self, Self);
    }
}

/// `f32` or `f64`. Sealed: the error bounds quote the unit roundoff and the polynomials belong to a precision, so a
/// new type needs new ones.
pub trait Real:
    sealed::Sealed
    + Copy
    + Default
    + Debug
    + Display
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// $u = 2^{-p}$, half the gap between 1 and its successor.
    const UNIT_ROUNDOFF: Self;
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// The same number, exactly.
    fn to_f64(self) -> f64;
    /// Whether the number is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// $|x|$.
    fn abs(self) -> Self;
    /// $\sqrt{x}$, correctly rounded.
    fn sqrt(self) -> Self;
    /// $x f + s$ with one rounding. Slow on processors without the instruction.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
}

macro_rules! real {
    ($type:ident, $register64:ident, $register32:ident, $exp:ident, $tanh:ident, $sin_cos:ident) => {
        impl sealed::Sealed for $type {
            type Register64 = $register64;
            type Register32 = $register32;
            type Register16 = Plain<$type, { 16 / size_of::<$type>() }>;

            unsafe fn product(
                [rows, inner, columns]: [usize; 3],
                (out, [out_row, out_column]): (*mut Self, [usize; 2]),
                add: bool,
                (a, [a_row, a_column]): (*const Self, [usize; 2]),
                (b, [b_row, b_column]): (*const Self, [usize; 2]),
            ) {
                use faer::{Accum, MatMut, MatRef, Par};
                let stride = |elements: usize| elements as isize;
                // SAFETY: the caller vouches for every element these sizes and strides reach. A slice spans at most
                // `isize::MAX` bytes, so the strides that reach inside one fit `isize`.
                let (out, a, b) = unsafe {
                    (
                        MatMut::from_raw_parts_mut(out, rows, columns, stride(out_row), stride(out_column)),
                        MatRef::from_raw_parts(a, rows, inner, stride(a_row), stride(a_column)),
                        MatRef::from_raw_parts(b, inner, columns, stride(b_row), stride(b_column)),
                    )
                };
                let mode = if add { Accum::Add } else { Accum::Replace };
                faer::linalg::matmul::matmul(out, mode, a, b, 1.0, Par::Seq);
            }

            #[inline(never)]
            fn multiply(out: ViewMut<'_, Self>, flipped: bool, add: bool, a: View<'_, Self>, b: View<'_, Self>) {
                tile::multiply(out, flipped, add, a, b);
            }

            #[inline(never)]
            fn multiply_and(finish: Finish<'_, Self>, out: ViewMut<'_, Self>, a: View<'_, Self>, b: View<'_, Self>) {
                tile::multiply_and(finish, out, a, b);
            }

            #[inline(always)]
            fn exp_straight<I: Isa>(self) -> Self {
                crate::transcendental::$exp::<I>(self)
            }

            #[inline(always)]
            fn tanh_straight<I: Isa>(self) -> Self {
                crate::transcendental::$tanh::<I>(self)
            }

            #[inline(always)]
            fn sin_cos_straight<I: Isa>(self) -> (Self, Self, bool) {
                crate::transcendental::$sin_cos::<I>(self)
            }

            fn sin_cos_careful(self) -> (Self, Self) {
                self.sin_cos()
            }
        }

        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const UNIT_ROUNDOFF: Self = $type::EPSILON / 2.0;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn is_finite(self) -> bool {
                <$type>::is_finite(self)
            }

            #[inline(always)]
            fn abs(self) -> Self {
                <$type>::abs(self)
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                <$type>::sqrt(self)
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, summand: Self) -> Self {
                <$type>::mul_add(self, factor, summand)
            }
        }
    };
}

real!(f32, Sixteen32, Eight32, exp_f32, tanh_f32, sin_cos_f32);
real!(f64, Eight64, Four64, exp_f64, tanh_f64, sin_cos_f64);
