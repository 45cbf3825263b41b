use multigrade::Norms;
use multigrade::report::{
    BaselineRow, Entry, FitPoint, GradeRow, InputColumn, OutputFit, ReportData, RowKind, Source, Spectrum,
    SpectrumCurve,
};

use super::wellformed::{Element, elements};
use super::{STYLE, percent, render};

/// A report on made-up rows: `rows` rows, the residual ten times smaller after each grade.
fn report(rows: usize, n_inputs: usize, n_outputs: usize, n_grades: usize) -> ReportData {
    let wave = |i: usize, phase: f64| (i as f64 * 0.37 + phase).sin();
    let norms = |size: f64| vec![Norms { l1: 0.7 * size, l2: size, linf: 3.0 * size }; n_outputs];
    let grade = |k: usize| GradeRow {
        grade: k,
        hidden: if k == 0 { String::new() } else { "3 x tanh 32-32".to_owned() },
        parameters: 1186 * k,
        train: norms(10f64.powi(-(k as i32))),
        validation: Some(norms(1.5 * 10f64.powi(-(k as i32)))),
        updates: 500 * k as u64,
        weight_decay: 1e-5,
        stop: "budget of updates spent".to_owned(),
        seconds: (k > 0).then_some(1.25 * k as f64),
        convex: None,
    };
    let point = |i: usize, j: usize| {
        let truth = 100.0 * wave(i, j as f64);
        FitPoint { truth, predicted: truth + wave(7 * i, 1.0), validation: i.is_multiple_of(5) }
    };
    ReportData {
        title: "made-up rows".to_owned(),
        source: Source {
            name: "rows.csv".to_owned(),
            n_train: rows - rows / 5,
            n_validation: rows / 5,
            validation_kind: RowKind::HeldOut,
            n_columns: n_inputs + n_outputs + 1,
            validation_chose: true,
            refit: false,
        },
        inputs: (0..n_inputs)
            .map(|j| InputColumn {
                name: format!("x{j}"),
                unit: None,
                values: (0..rows).map(|i| wave(3 * i, 0.5 * j as f64)).collect(),
            })
            .collect(),
        outputs: (0..n_outputs)
            .map(|j| OutputFit {
                name: format!("y{j}"),
                unit: Some("kg".to_owned()),
                points: (0..rows).map(|i| point(i, j)).collect(),
                drawn_from: rows,
            })
            .collect(),
        grades: (0..=n_grades).map(grade).collect(),
        baselines: vec![BaselineRow {
            name: "linear".to_owned(),
            about: "least squares".to_owned(),
            train: norms(0.3),
            validation: Some(norms(0.4)),
        }],
        classes: None,
        spectra: Vec::new(),
        settings: vec![Entry::new("seed", 1)],
        notes: vec!["Tanh was chosen.".to_owned()],
        warnings: Vec::new(),
        versions: vec![Entry::new("multigrade", "0.1.0")],
    }
}

/// The report's elements, after the checks that every report must pass.
fn checked(data: &ReportData) -> Vec<Element> {
    let page = render(data);
    let all = elements(&page).unwrap_or_else(|problem| panic!("not well-formed: {problem}"));
    for Element { name, attributes } in &all {
        assert!(
            !["script", "iframe", "img", "link", "object", "foreignObject", "use"].contains(&name.as_str()),
            "{name}"
        );
        for (key, value) in attributes {
            assert!(!key.starts_with("on") && key != "src" && key != "style", "{name} {key}");
            assert!(key != "href" || value.starts_with('#'), "{value}");
            if ["d", "x", "y", "width", "height", "viewBox", "transform"].contains(&key.as_str()) {
                assert!(!value.contains("NaN") && !value.contains("inf"), "{name} {key}={value}");
            }
        }
    }
    all
}

fn attribute<'a>(element: &'a Element, key: &str) -> Option<&'a str> {
    element.attributes.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
}

#[test]
fn no_text_of_a_user_can_become_markup() {
    let evil = "</title></svg><script>alert('x')</script><b onclick=\"y\"> & \u{202e}\0";
    let mut data = report(40, 2, 2, 2);
    let text = || evil.to_owned();
    data.title = text();
    data.source.name = text();
    for input in &mut data.inputs {
        (input.name, input.unit) = (text(), Some(text()));
    }
    for output in &mut data.outputs {
        (output.name, output.unit) = (text(), Some(text()));
    }
    for grade in &mut data.grades {
        (grade.hidden, grade.stop) = (text(), text());
    }
    for baseline in &mut data.baselines {
        (baseline.name, baseline.about) = (text(), text());
    }
    data.settings = vec![Entry::new(text(), text())];
    data.versions = vec![Entry::new(text(), text())];
    (data.notes, data.warnings) = (vec![text()], vec![text()]);

    let same_shape = report(40, 2, 2, 2);
    let names = |data: &ReportData| -> Vec<String> {
        let styled = ["b", "dt", "path", "text", "title"];
        checked(data).into_iter().map(|element| element.name).filter(|name| !styled.contains(&name.as_str())).collect()
    };
    let mut expected = names(&same_shape);
    // The warning is the only thing that the harmless report does not have.
    let warning = ["section", "h2", "ul", "li"].map(str::to_owned);
    let at = expected.iter().position(|name| name == "nav").unwrap();
    expected.splice(at..at, warning);
    assert_eq!(names(&data), expected);

    data.inputs.truncate(1);
    data.spectra = vec![Spectrum {
        frequencies: vec![0.0, 1.0],
        curves: vec![SpectrumCurve { grade: 0, amplitudes: vec![1.0, 2.0] }],
    }];
    checked(&data);
}

#[test]
fn the_same_data_give_the_same_bytes() {
    assert_eq!(render(&report(300, 3, 2, 4)), render(&report(300, 3, 2, 4)));
}

#[test]
fn the_page_asks_for_nothing_from_anywhere() {
    let page = render(&report(50, 2, 1, 2));
    for request in ["http:", "https:", "//", "url(", "@import", "@font-face"] {
        assert!(!page.contains(request), "{request}");
    }
    assert!(page.contains("default-src &#39;none&#39;"));
}

#[test]
fn a_report_of_two_thousand_points_two_outputs_and_three_inputs_is_below_a_megabyte() {
    let page = render(&report(2000, 3, 2, 6));
    assert!(page.len() < 1_000_000, "{}", page.len());
}

#[test]
fn wide_problems_stay_readable_and_of_bounded_size() {
    let data = report(2000, 30, 12, 5);
    let page = render(&data);
    assert!(page.len() < 5_000_000, "{}", page.len());
    assert!(page.contains("of 2000 rows."), "says that it shows a selection");
    let all = checked(&data);
    assert_eq!(
        all.iter().filter(|e| attribute(e, "aria-label").is_some_and(|label| label.contains(" against x29"))).count(),
        12
    );
}

#[test]
fn every_figure_has_a_caption_and_every_picture_says_what_it_shows() {
    let all = checked(&report(60, 2, 2, 3));
    let count = |name: &str| all.iter().filter(|e| e.name == name).count();
    assert_eq!((count("figure"), count("figcaption")), (7, 7));
    for svg in all.iter().filter(|e| e.name == "svg") {
        let is_said = attribute(svg, "aria-label").is_some_and(|label| !label.is_empty());
        assert!(is_said || attribute(svg, "aria-hidden") == Some("true"), "{svg:?}");
    }
    let html = &all[0];
    assert_eq!((html.name.as_str(), attribute(html, "lang")), ("html", Some("en")));
}

#[test]
fn every_link_of_the_contents_leads_somewhere() {
    let all = checked(&report(20, 1, 3, 1));
    let ids: Vec<&str> = all.iter().filter_map(|e| attribute(e, "id")).collect();
    let links: Vec<&str> = all.iter().filter_map(|e| attribute(e, "href")).collect();
    assert_eq!(links.len(), 5);
    for link in links {
        assert!(ids.contains(&&link[1..]), "{link}");
    }
}

#[test]
fn a_result_that_loses_says_so_on_top() {
    let mut data = report(100, 2, 1, 1);
    data.baselines[0].validation = Some(vec![Norms { l1: 0.01, l2: 0.015, linf: 0.03 }]);
    let page = render(&data);
    assert!(page.contains("<b>y0:</b> RMSE 0.150 kg on 20 held-out rows, 10x worse than linear."));
    assert!(page.contains("they decided where to stop"));
}

#[test]
fn a_model_that_saw_the_held_out_rows_in_the_end_says_so() {
    let mut data = report(100, 2, 1, 1);
    assert!(!render(&data).contains("fitted again"));
    (data.source.refit, data.source.n_train) = (true, 100);
    let page = render(&data);
    assert!(page.contains("From rows.csv: 100 rows to fit, 20 of them first held out"));
    assert!(page.contains("fitted again on all 100 rows; all numbers about held-out rows are from before."));
}

#[test]
fn the_table_of_residuals_marks_the_last_grade_as_the_end_of_the_model() {
    let page = render(&report(100, 2, 1, 3));
    assert_eq!(page.matches("the model ends here").count(), 1);
    assert!(page.contains("<tr class=\"answer\"><th scope=\"row\">grade 3</th>"));
}

#[test]
fn rows_that_the_fit_may_have_seen_are_nowhere_called_held_out_or_training() {
    let mut data = report(100, 2, 1, 2);
    data.source.validation_kind = RowKind::Unknown;
    (data.source.validation_chose, data.source.n_validation) = (false, 100);
    data.outputs[0].points.iter_mut().for_each(|point| point.validation = true);
    checked(&data);
    let page = render(&data);
    assert!(!page.contains("held-out") && !page.contains("held out"), "{page}");
    assert!(page.contains("From rows.csv: 100 rows, which the fit may have seen; it had 80 rows; 2 inputs"));
    assert!(page.contains("RMSE 0.0150 kg on 100 rows of this table, which the fit may have seen"));
    assert!(page.contains("L2 after grade 1, rows of this table: "));
    // The norms of the fit stay those of its training rows; no point is one of them.
    assert!(page.contains("L2 after grade 1, training rows: "));
    let keys: Vec<&str> =
        page.split("<ul class=\"key\">").skip(1).map(|key| key.split("</ul>").next().unwrap()).collect();
    let (of_points, of_norms): (Vec<&str>, Vec<&str>) = keys.into_iter().partition(|key| key.contains("points unseen"));
    assert!(!of_points.is_empty() && of_points.iter().all(|key| !key.contains("training rows")));
    assert!(of_norms.iter().all(|key| key.contains("training rows")));
}

#[test]
fn a_residual_of_zero_is_drawn_on_the_edge_and_one_that_is_no_number_is_not_drawn() {
    let mut data = report(30, 2, 1, 3);
    data.grades[2].train[0] = Norms { l1: f64::NAN, l2: f64::NAN, linf: f64::INFINITY };
    data.grades[3].train[0] = Norms { l1: 0.0, l2: 0.0, linf: 0.0 };
    checked(&data);
    let page = render(&data);
    assert!(page.contains("L2 after grade 3, training rows: 0 kg"));
    assert!(page.contains("A residual of exactly zero is drawn as a triangle on the lower edge."));
    assert!(!page.contains("L2 after grade 2, training rows"));
    assert!(page.contains("<td>not a number</td>"), "the table still says it");
}

#[test]
fn reports_with_nothing_much_in_them_are_still_pages() {
    let empty = checked(&ReportData::default());
    assert!(empty.iter().any(|e| e.name == "h1"));

    let mut data = report(30, 2, 2, 0);
    checked(&data);
    data.grades.clear();
    checked(&data);
    assert!(render(&data).contains("y1: nothing was measured, so there is no result."));
    data.baselines.clear();
    checked(&data);
    data.outputs.clear();
    checked(&data);

    let mut data = report(30, 2, 1, 2);
    for grade in &mut data.grades {
        grade.train = vec![Norms { l1: 0.0, l2: 0.0, linf: 0.0 }];
        grade.validation = None;
    }
    data.baselines.clear();
    checked(&data);
    assert!(render(&data).contains("No figure of the residual"));
}

#[test]
fn odd_points_are_drawn_or_counted() {
    for rows in [0, 1, 2] {
        checked(&report(rows, 1, 1, 1));
        checked(&report(rows, 2, 1, 1));
    }
    let mut constant = report(50, 2, 1, 1);
    for point in &mut constant.outputs[0].points {
        (point.truth, point.predicted) = (1e9, 1e9);
    }
    constant.inputs[0].values = vec![-3.0; 50];
    checked(&constant);

    let mut broken = report(50, 2, 1, 1);
    broken.outputs[0].points[7].predicted = f64::NAN;
    broken.outputs[0].points[8].truth = f64::INFINITY;
    broken.outputs[0].points[9].predicted = 1e308;
    broken.inputs[0].values = vec![f64::NAN; 50];
    broken.inputs[1].values.truncate(3);
    checked(&broken);
    let page = render(&broken);
    assert!(page.contains("Not drawn because a value is not finite: 3 rows."));
    assert!(page.contains("x0: no finite values."));
}

#[test]
fn names_of_a_thousand_characters_are_shortened_in_pictures_and_whole_in_the_text() {
    let long = "temperature_of_the_outer_wall_".repeat(40);
    let mut data = report(40, 1, 1, 2);
    (data.outputs[0].name, data.inputs[0].name, data.baselines[0].name) = (long.clone(), long.clone(), long.clone());
    checked(&data);
    let page = render(&data);
    let texts = page.split("<text").skip(1).filter_map(|text| text.split_once('>')).map(|(_, text)| text);
    for text in texts {
        let shown = text.split('<').next().unwrap_or_default();
        assert!(shown.chars().count() < 70, "{shown}");
    }
    assert!(page.contains(&format!("<h2>{long} (kg)</h2>")));
}

#[test]
fn a_spectrum_is_shown_for_a_single_input_also_with_gaps() {
    let mut data = report(40, 1, 1, 2);
    let curve = |grade, amplitudes| SpectrumCurve { grade, amplitudes };
    data.spectra = vec![Spectrum {
        frequencies: vec![0.0, 1.0, 2.0, 3.0],
        curves: vec![curve(0, vec![1.0, 0.5, 0.0, f64::NAN]), curve(1, vec![0.1; 4]), curve(2, vec![])],
    }];
    checked(&data);
    assert!(render(&data).contains("Which frequencies are left."));
    data.spectra[0].curves.clear();
    checked(&data);
}

#[test]
fn a_percentage_never_claims_more_than_is_true() {
    let shown = [1.0, 0.99991, 0.5, 0.123_45, 0.0, -0.5, 1.0 - 1e-14].map(percent);
    assert_eq!(shown, ["100 %", "99.991 %", "50.0 %", "12.3 %", "0.0 %", "none", "> 99.9999999999 %"]);
    for k in 1..1000 {
        let share = 1.0 - 10f64.powf(-0.011 * f64::from(k));
        assert!(!percent(share).starts_with("100"), "{share}");
    }
}

/// The colours that a style sheet sets in one block, by name.
fn colours(block: &str) -> Vec<(String, [f64; 3])> {
    let set = block.split(';').filter_map(|rule| rule.rsplit_once("--")?.1.split_once(": #"));
    let channel = |hex: &str, at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
    set.map(|(name, hex)| (name.to_owned(), [0, 2, 4].map(|at| channel(hex, at)))).collect()
}

/// The contrast of two colours, from 1 to 21, as the accessibility guidelines of the web define it.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let light = |c: [f64; 3]| 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]) + 0.05;
    let (a, b) = (light(a), light(b));
    a.max(b) / a.min(b)
}

#[test]
fn text_and_marks_stand_out_in_light_and_in_dark() {
    let mut blocks = STYLE.split(":root {").skip(1).map(|rest| colours(rest.split('}').next().unwrap()));
    let (light, dark) = (blocks.next().unwrap(), blocks.next().unwrap());
    let names = |colours: &[(String, [f64; 3])]| colours.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&light), names(&dark), "a colour is set in one scheme only");
    for scheme in [light, dark] {
        let of = |name: &str| scheme.iter().find(|(n, _)| n == name).unwrap().1;
        for background in ["paper", "card"] {
            for text in ["ink", "soft", "blue", "base", "green", "orange"] {
                let ratio = contrast(of(text), of(background));
                assert!(ratio >= 4.5, "{text} on {background}: {ratio:.2}");
            }
        }
        assert!(contrast(of("ink"), of("warn")) >= 4.5);
        assert!(contrast(of("r6"), of("paper")) >= 4.5);
    }
}
