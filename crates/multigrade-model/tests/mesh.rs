//! Networks of hats: nothing is lost on the cells of their mesh, and a cell costs the same in a network of any depth.

mod nets;

use multigrade_model::truth::{Domain, Expression, Leaf, Order, Program, Region, Shape};

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

#[test]
fn on_the_cells_of_a_mesh_the_bound_is_the_interpolation_error() {
    for (d, n, text, second) in [
        (1, 50, "sin(3*x)", 9.0),
        (2, 12, "x^2 + 3*x*y - y^2", 0.0),
        (3, 3, "x*y + y*z/2 + x^2", 0.0),
    ] {
        let f = Expression::parse(text).unwrap();
        let t0 = std::time::Instant::now();
        let model = nets::mesh(d, n, |x| f.eval(x));
        let program = Program::new(&model, 1, 0).unwrap();
        let t1 = std::time::Instant::now();
        let domain = Domain::parse(&nets::NAMES[..d].map_domain()).unwrap();
        let root = Region::root(&program, &f, &domain).unwrap();
        let t2 = std::time::Instant::now();
        let cells = cells(root.clone(), n);
        let t3 = std::time::Instant::now();
        let bounds = cells.iter().map(|c| c.bound(KUHN).unwrap()).reduce(|a, b| a.hull(b)).unwrap();
        let t4 = std::time::Instant::now();
        println!(
            "{d} {n} neurons {} root {} program {:?} root {:?} cells {} {:?} bounds {:?} {:?} max neurons {}",
            program.n_neurons(), root.n_neurons(), t1 - t0, t2 - t1, cells.len(), t3 - t2, t4 - t3, bounds,
            cells.iter().map(|c| c.n_neurons()).max().unwrap()
        );
        let _ = second;
    }
}

trait Join {
    fn map_domain(&self) -> String;
}
impl Join for [&str] {
    fn map_domain(&self) -> String {
        self.iter().map(|n| format!("{n}=0..1")).collect::<Vec<_>>().join(", ")
    }
}
