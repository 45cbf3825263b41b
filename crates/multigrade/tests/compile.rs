//! Compiled formulas: sizes, widths, and errors at points.

use multigrade::construct::{ConstructSettings, Constructed, Scheme, Strategy, construct};
use multigrade::truth::{Domain, Expression};
use multigrade::{Precision, Predictor, silent};

fn try_build(text: &str, domain: &str, tolerance: f64) -> Result<Constructed, multigrade::construct::ConstructError> {
    let (f, domain) = (Expression::parse(text).unwrap(), Domain::parse(domain).unwrap());
    let settings =
        ConstructSettings { strategy: Strategy::Compile, scheme: Scheme::Plain, ..ConstructSettings::default() };
    construct(&f, &domain, tolerance, &settings.validate().unwrap(), &mut silent())
}

/// The largest error at points: a Kronecker sequence, corners and faces.
fn measured(made: &Constructed, text: &str, domain: &str) -> f64 {
    let domain = Domain::parse(domain).unwrap();
    let f = Expression::parse(text).unwrap().with_variables(domain.names()).unwrap();
    let d = domain.names().len();
    let mut points = Vec::new();
    for n in 0..40_000u32 {
        for (i, side) in domain.sides().iter().enumerate() {
            let z = (0.5 + f64::from(n) * (2f64.sqrt() * (i as f64 + 1.3)).fract()).fract();
            let z = if n % 4 == 0 && (n / 4) % (i as u32 + 2) == 0 { z.round() } else { z };
            points.push(side.lower() + z * (side.upper() - side.lower()));
        }
    }
    let values = Predictor::new(&made.model, Precision::F64).predict(&points).unwrap();
    points.chunks(d).zip(&values).map(|(x, v)| (f.eval(x) - v).abs()).fold(0.0, f64::max)
}

const FRANKE: &str = "0.75*exp(-((9*x-2)^2+(9*y-2)^2)/4)+0.75*exp(-(9*x+1)^2/49-(9*y+1)/10)\
+0.5*exp(-((9*x-7)^2+(9*y-3)^2)/4)-0.2*exp(-(9*x-4)^2-(9*y-7)^2)";
const BOREHOLE: &str = "2*pi*Tu*(Hu-Hl)/(ln(r/rw)*(1+2*L*Tu/(ln(r/rw)*rw^2*Kw)+Tu/Tl))";
const BOREHOLE_BOX: &str = "rw=0.05..0.15, r=100..50000, Tu=63070..115600, Hu=990..1110, Tl=63.1..116, Hl=700..820, \
L=1120..1680, Kw=9855..12045";

#[test]
fn sizes() {
    let cube = "x=0..1, y=0..1, z=0..1";
    let square = "x=0..1, y=0..1";
    let line = "x=0..1";
    for (text, domain, tolerance, most) in [
        ("x^2", line, 1e-6, 9),
        ("x*y", square, 1e-4, 12),
        ("sin(100*x)", line, 1e-3, 22),
        ("exp(-x*y)*sin(3*z)", cube, 1e-3, 40),
        ("sqrt(x)", line, 1e-3, 13),
        ("1/(1+25*(2*x-1)^2)", line, 1e-4, 27),
        ("exp(x)", line, 1e-6, 35),
        ("sin(2*pi*x)", line, 1e-6, 65),
        (FRANKE, square, 1e-3, 90),
        ("max(sin(3*x), y^2-0.3)", square, 1e-3, 13),
        ("abs(x-0.3)", line, 1e-10, 12),
        ("abs(x-y)+max(x,0.3*y)", square, 1e-10, 12),
        ("max(min(x,y),min(max(x,y),z))", cube, 1e-10, 12),
        (BOREHOLE, BOREHOLE_BOX, 3.02, 300),
    ] {
        let start = std::time::Instant::now();
        let made = match try_build(text, domain, tolerance) { Ok(m) => m, Err(e) => { println!("{text}: {e}"); continue; } };
        let g = &made.grades[0];
        println!(
            "{text} {tolerance:e}: {} of {most}, layers {}, width {}, measured {:.3e} bound {:.3e} {:?} {:?} ({:.2?})",
            g.nodes, g.layers, g.width, measured(&made, text, domain), g.bound, made.stop,
            made.certificate.as_ref().map(|c| c.0.claims[0].tree.len()), start.elapsed()
        );
    }
}
