//! A training step takes no memory that it does not have already.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use multigrade_kernels::elementwise::{AdamStep, adam_update};
use multigrade_kernels::{Activation, Evaluator, Loss, Shape};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting what this thread asks for.
struct Counting;

// SAFETY: everything is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is the one that the system asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the one that the system asks for.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct HalfSquares;

impl Loss<f32> for HalfSquares {
    fn evaluate(&self, _first_row: usize, outputs: &mut [f32]) -> f64 {
        outputs.iter().map(|&o| 0.5 * f64::from(o) * f64::from(o)).sum()
    }
}

#[test]
fn a_step_of_adam_and_a_gauss_newton_matrix_allocate_nothing_after_the_first() {
    let hidden = vec![(64, Activation::Relu), (17, Activation::Sin), (5, Activation::Tanh)];
    let shape = Shape::new(7, hidden, 2, 3);
    let p = shape.n_parameters();
    let rows = 300;
    let mut evaluator = Evaluator::<f32>::new(shape);
    let (mut parameters, inputs, carried) = (vec![0.1; p], vec![0.5; rows * 7], vec![0.2; rows * 2]);
    let (mut gradient, mut mean, mut square) = (vec![0.0; p], vec![0.0; p], vec![0.0; p]);
    let (weights, mut matrix) = (vec![1.0; rows], vec![0.0; p * p]);
    let mut step = |update: u64| {
        evaluator.gauss_newton(&parameters, &inputs, &carried, &weights, &HalfSquares, &mut gradient, &mut matrix);
        evaluator.loss_and_gradient(&parameters, &inputs, &carried, &HalfSquares, &mut gradient);
        let step = AdamStep { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, update };
        adam_update(&mut parameters, &gradient, &mut mean, &mut square, &step);
    };
    // One thread: what the pool's queues take is not the step's.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread pool");
    let allocations = pool.install(|| {
        step(1);
        let before = ALLOCATIONS.with(Cell::get);
        (2..5).for_each(&mut step);
        ALLOCATIONS.with(Cell::get) - before
    });
    assert_eq!(allocations, 0);
}
