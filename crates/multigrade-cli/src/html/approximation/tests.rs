use multigrade::report::{
    ApproximationReport, ApproximationRow, BuiltRow, Extent, MeasuredRow, Picture, PointNorms, ProvedRow, RateRow,
    Side, Values,
};

use super::{Frame, render, stage};
use crate::html::wellformed::{Element, elements};

/// A report on made-up numbers: errors ten times smaller after each grade.
fn report(n_inputs: usize, n_grades: usize) -> ApproximationReport {
    let norms = |size: f64| PointNorms { l1: 0.5 * size, l2: 0.6 * size, l4: 0.7 * size, linf: 0.9 * size };
    let row = |k: usize| {
        let size = 10f64.powi(-(k as i32));
        ApproximationRow {
            grade: k,
            layers: 3 * k,
            relus: 12 * k,
            width: 4,
            built: Some(BuiltRow {
                nodes: 3,
                tolerance: 0.5 * size,
                deviation: 0.45 * size,
                rate: Some(RateRow { level: k as u32, slope: 2.0, bound: 4.0 * 0.5f64.powi(k as i32) }),
            }),
            proved: Some(ProvedRow { exact: [-size, 0.8 * size], f64: Some([-size, 0.8 * size]), f32: None }),
            measured: Some(MeasuredRow { f64: 0.95 * size, f32: 0.96 * size, at: vec![0.5; n_inputs], points: 1000 }),
            norms: norms(size),
            extent: Some(Extent {
                range: [-1.0, 1.0],
                slopes: vec![[-2.0, 2.0]; n_inputs],
                lipschitz: 2.5,
                two_sided: 7 * k,
            }),
        }
    };
    let wave = |n: usize, phase: f64| -> Vec<f64> { (0..n).map(|i| (0.1 * i as f64 + phase).sin()).collect() };
    let values = |n: usize| Values {
        target: wave(n, 0.0),
        stages: (1..=n_grades).map(|k| wave(n, 10f64.powi(-(k as i32)))).collect(),
    };
    let along = || (0..50).map(|i| f64::from(i) / 49.0).collect::<Vec<f64>>();
    let picture = match n_inputs {
        1 => Picture::Curves { x: along(), values: values(50) },
        2 => Picture::Map { side: 12, values: values(144) },
        _ => Picture::Slices {
            through: vec![0.5; n_inputs],
            slices: vec![(along(), values(50)); n_inputs],
            spread: vec![along(); n_grades],
        },
    };
    ApproximationReport {
        function: "sin(x)".into(),
        domain: "x=0..1".into(),
        output: "f".into(),
        sides: (0..n_inputs).map(|i| Side { name: format!("x{i}"), lower: 0.0, upper: 1.0 }).collect(),
        tolerance: Some(1e-3),
        reached: true,
        stop: "the tolerance was reached".into(),
        points: 4000,
        size: norms(1.0),
        grades: (1..=n_grades).map(row).collect(),
        picture,
    }
}

fn page(report: &ApproximationReport) -> String {
    let check = Some("multigrade check n.certificate.json n.safetensors".to_owned());
    render(report, &Frame { origin: "A network".into(), check, warnings: Vec::new() })
}

/// The page's elements, after the checks that every page must pass.
fn checked(page: &str) -> Vec<Element> {
    let all = elements(page).unwrap_or_else(|problem| panic!("not well-formed: {problem}"));
    for Element { name, attributes } in &all {
        assert!(!["script", "iframe", "img", "link", "object", "use"].contains(&name.as_str()), "{name}");
        for (key, value) in attributes {
            assert!(!key.starts_with("on") && key != "src" && key != "style", "{name} {key}");
            assert!(key != "href" || value.starts_with('#'), "{value}");
            if ["d", "x", "y", "viewBox", "transform"].contains(&key.as_str()) {
                assert!(!value.contains("NaN") && !value.contains("inf"), "{name} {key}={value}");
            }
            assert!(key != "d" || !value.is_empty(), "{name}");
        }
    }
    all
}

#[test]
fn a_page_of_any_number_of_variables_and_grades_is_a_page_and_asks_for_nothing() {
    for n_inputs in [1, 2, 3, 5] {
        for n_grades in [1, 2, 30] {
            let page = page(&report(n_inputs, n_grades));
            let all = checked(&page);
            let count = |name: &str| all.iter().filter(|element| element.name == name).count();
            assert_eq!(count("figure"), 3);
            assert_eq!(count("figure"), count("figcaption"));
            for request in ["http:", "https:", "//", "url(", "@import", "@font-face"] {
                assert!(!page.contains(request), "{request}");
            }
            assert!(page.len() < 400_000, "{n_inputs} {n_grades}: {}", page.len());
        }
    }
}

#[test]
fn no_text_of_a_user_can_become_markup() {
    let evil = "</title></svg><script>alert('x')</script>&\u{202e}";
    for n_inputs in [1, 2, 3] {
        let mut report = report(n_inputs, 2);
        (report.function, report.domain, report.stop) = (evil.into(), evil.into(), evil.into());
        report.sides.iter_mut().for_each(|side| side.name = evil.into());
        let texts = || evil.to_owned();
        checked(&render(&report, &Frame { origin: texts(), check: Some(texts()), warnings: vec![texts()] }));
    }
}

#[test]
fn what_is_not_known_is_a_dash_and_never_called_proved() {
    for n_inputs in [1, 2, 3] {
        let mut report = report(n_inputs, 2);
        (report.reached, report.tolerance) = (false, None);
        for row in &mut report.grades {
            (row.built, row.proved, row.measured, row.extent) = (None, None, None, None);
            row.norms = PointNorms { l1: f64::NAN, l2: f64::NAN, l4: f64::NAN, linf: f64::INFINITY };
        }
        match &mut report.picture {
            Picture::Curves { values, .. } | Picture::Map { values, .. } => values.target[3] = f64::NAN,
            _ => {}
        }
        let page = render(&report, &Frame { origin: "A network".into(), check: None, warnings: Vec::new() });
        checked(&page);
        let body = page.split("</style>").nth(1).unwrap();
        assert!(body.contains("<b>Nothing is proved</b>") && !body.contains("<b>Proved:</b>"), "{body}");
        assert!(!body.contains("multigrade check") && !body.contains("not a number") && !body.contains("NaN"));
    }
    let empty = ApproximationReport { grades: Vec::new(), picture: Picture::None, ..report(1, 0) };
    checked(&page(&empty));
}

#[test]
fn every_number_of_a_grade_stands_in_the_tables() {
    let page = page(&report(2, 3));
    for shown in
        ["0.001000", "9.500e-4", "9.600e-4", "5.000e-4", "6.000e-4", "7.000e-4", "2.500", ">36<", ">21<", "0.5000"]
    {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(page.contains("geometric layer-wise rate of arXiv 2604.20219"));
    let mut without = report(2, 3);
    without.grades.iter_mut().for_each(|row| row.built.as_mut().unwrap().rate = None);
    assert!(
        !super::render(&without, &Frame { origin: String::new(), check: None, warnings: Vec::new() }).contains("2604")
    );
}

#[test]
fn names_of_stages_are_numbers_below_the_line() {
    assert_eq!([stage(1), stage(12), stage(30)], ["f₁", "f₁₂", "f₃₀"]);
}
