//! Networks of hats: nothing is lost on the cells of their mesh, and a cell costs the same in a network of any depth.

mod nets;

use multigrade_model::Multigrade;
use multigrade_model::truth::{Bounds, Domain, Expression, Leaf, Order, Program, Region, Shape};

const KUHN: Leaf = Leaf { shape: Shape::Kuhn, order: Order::Curvature };

/// All cells of the mesh with `n` cells a side, by halving.
fn cells(root: Region, n: usize) -> Vec<Region> {
    let (mut open, mut cells) = (vec![root], Vec::new());
    while let Some(region) = open.pop() {
        let cut = region.sides().iter().enumerate().find_map(|(i, side)| {
            let (a, b) = ((side.lower() * n as f64).round() as usize, (side.upper() * n as f64).round() as usize);
            (b - a > 1).then(|| (i, ((a + b) / 2) as f64 / n as f64))
        });
        match cut {
            Some((i, at)) => {
                let (left, right) = region.split(i, at).expect("inside");
                open.extend([right, left]);
            }
            None => cells.push(region),
        }
    }
    cells
}

fn unit_box(d: usize) -> Domain {
    let sides: Vec<String> = nets::NAMES[..d].iter().map(|name| format!("{name}=0..1")).collect();
    Domain::parse(&sides.join(", ")).unwrap()
}

/// Bounds over all cells.
fn bounds(model: &Multigrade, d: usize, n: usize, f: &Expression) -> (Bounds, Vec<Region>) {
    let program = Program::new(model, 1, 0).unwrap();
    let root = Region::root(&program, f, &unit_box(d)).unwrap();
    let cells = cells(root, n);
    let bounds = cells.iter().map(|cell| cell.bound(KUHN).unwrap()).reduce(Bounds::hull).unwrap();
    (bounds, cells)
}

#[test]
fn on_the_cells_of_a_mesh_the_bound_is_the_interpolation_error() {
    // The error of linear interpolation where it is known: h²/8 max f'' with f'' <= 0 (here 9 sin), and for the
    // quadratic ½ x'Hx, with h the width of a cell, h²/8 times the largest of -e'He and of e'He, where e goes from one
    // vertex of a cell's simplex to another; here all of them are along edges between which the others are not acute.
    for (d, n, text, above, below) in [
        (1, 50, "sin(3*x)", 9.0, 0.0),
        (2, 12, "3*x*y", 0.0, 6.0),
        (2, 8, "x^2 + y^2 + x*y", 0.0, 6.0),
        (3, 4, "x*y + y*z/2 + x^2", 0.0, 5.0),
        // Entries of both signs: where their sums would not be attained together, the edges of the cells tell.
        (2, 12, "x^2 + 3*x*y - y^2", 2.0, 6.0),
        (2, 8, "(x - y)^2", 0.0, 2.0),
        (3, 4, "(x - y)^2 + (y - z)^2", 0.0, 4.0),
        (2, 8, "-(x - y)^2", 2.0, 0.0),
    ] {
        let f = Expression::parse(text).unwrap();
        let (bounds, _) = bounds(&nets::mesh(d, n, |x| f.eval(x)), d, n, &f);
        let unit = 1.0 / (8 * n * n) as f64;
        // Thousands of roundings of numbers below 100.
        let dirt = 1e-11;
        let exact = bounds.exact;
        assert!(
            exact.upper() >= above * unit - dirt - 1e-3 * above * unit && exact.upper() <= above * unit + dirt,
            "{text}: {exact:?}"
        );
        assert!(exact.lower() <= -below * unit + dirt && exact.lower() >= -below * unit - dirt, "{text}: {exact:?}");
        assert!(bounds.f64.encloses(exact) && bounds.f64.width() <= exact.width() + dirt);
        assert!(
            bounds.f32.encloses(exact) && bounds.f32.width() <= exact.width() + 1e-3,
            "{text} {:e}",
            bounds.f32.width() - exact.width()
        );
    }
}

#[test]
fn a_cell_keeps_few_neurons_however_deep_the_network_is() {
    let f = Expression::parse("x*y").unwrap();
    let most = |n: usize| {
        let (_, cells) = bounds(&nets::mesh(2, n, |x| f.eval(x)), 2, n, &f);
        cells.iter().map(Region::n_neurons).max().unwrap()
    };
    // 16 hats touch a cell, four of them more than at its faces; a hat is made of 9 neurons.
    assert!(most(8) <= 16 * 9);
    assert_eq!(most(8), most(16));
}
