//! The example of the README: thrust and fuel consumption of a jet engine.

use multigrade::table::{ReadOptions, Table};
use multigrade::{FitSettings, Precision, Predictor, Samples, fit, silent};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = Table::read("testdata/b777_engine.csv", &ReadOptions::default())?;
    let (x, y) = (table.rows(&["mach", "altitude", "throttle"])?, table.rows(&["thrust", "sfc"])?);
    let samples = Samples::new(3, 2, x, y, None)?;
    let fitted = fit(&samples, None, &FitSettings::default().validate()?, &mut silent())?;
    for grade in &fitted.model.history().grades {
        let held_out = grade.validation.as_ref().expect("a fifth of the rows was held out");
        println!("grade {}: thrust {:6.0} N, sfc {:.1e} 1/s", grade.grade, held_out[0].l2, held_out[1].l2);
    }
    let predictor = Predictor::new(&fitted.model, Precision::F64);
    println!("at mach 0.5, 5 km, 80 %: thrust {:.0} N", predictor.predict(&[0.5, 5.0, 0.8])?[0]);
    fitted.model.save("engine.safetensors".as_ref(), true)?;
    Ok(())
}
