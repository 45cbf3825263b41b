//! `multigrade check`: proved is status 0, not proved is status 1 with the reason, unreadable is status 2.

mod place;

use place::{Place, smooth};

const CERTIFICATE: &str = include_str!("../../../testdata/certificates/square.certificate.json");
const MODEL: &[u8] = include_bytes!("../../../testdata/certificates/square.safetensors");

/// A place with the certificate changed by `change`, with the digest of its new text.
fn changed(change: impl Fn(String) -> String) -> Place {
    let place = Place::new();
    place.write("m.safetensors", MODEL);
    place.write("c.json", change(CERTIFICATE.to_owned()));
    place
}

const CHECK: [&str; 3] = ["check", "c.json", "m.safetensors"];

#[test]
fn a_true_certificate_is_proved_and_its_statement_printed() {
    let place = changed(|text| text);
    let answer = place.run(&CHECK).expect_status(0);
    // 4^-4 and rounding, rounded up.
    let said = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.starts_with("Proved: for every point of x=0..1, the function x^2 and the output out"), "{answer:?}");
    assert!(said.contains("differ by at most 0.003907 in exact arithmetic"), "{answer:?}");
    assert_eq!(answer.err, "");
    let document = place.run(&["check", "c.json", "m", "--json"]).expect_status(0).json();
    assert_eq!(document["proved"], true);
    let bounds = document["statement"]["bounds"].as_array().unwrap();
    assert_eq!(bounds.len(), 3);
    for (k, bounds) in (1..).zip(bounds) {
        assert_eq!(bounds["grades"], k);
        let bound = bounds["exact"]["bound"].as_f64().unwrap();
        let largest = 0.25f64.powi(k + 1);
        assert!((largest..largest * (1.0 + 2e-9)).contains(&bound), "{bound}");
        assert!(bounds["f64"]["bound"].as_f64().unwrap() >= bound && bounds["f32"]["bound"].as_f64().unwrap() >= bound);
    }
}

#[test]
fn an_altered_certificate_and_another_model_are_not_proved() {
    let altered = changed(|text| text.replacen("x^2", "x^3", 1));
    let answer = altered.run(&CHECK).expect_status(1);
    assert!(answer.err.starts_with("not proved: c.json: ") && answer.err.contains("altered"), "{answer:?}");
    assert_eq!(answer.out, "");
    let document = altered.run(&["check", "c.json", "m.safetensors", "--json"]).expect_status(1).json();
    assert_eq!(document["proved"], false);
    assert!(document["reason"].as_str().unwrap().contains("altered") && document["statement"].is_null());

    let place = changed(|text| text);
    place.write("smooth.csv", smooth(45));
    place.fit("smooth.csv", "z", "other", &[]).expect_status(0);
    let answer = place.run(&["check", "c.json", "other"]).expect_status(1);
    assert!(answer.err.contains("another model"), "{answer:?}");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let cut = changed(|text| text[..text.len() / 2].to_owned());
    cut.run(&CHECK).expect_refusal(&["c.json", "not a certificate", "cut off"]);
    changed(|_| String::new()).run(&CHECK).expect_refusal(&["c.json", "not a certificate"]);
    let place = changed(|text| text);
    place.run(&["check", "none.json", "m.safetensors"]).expect_refusal(&["none.json"]);
    place.run(&["check", "c.json", "none.safetensors"]).expect_refusal(&["none.safetensors"]);
    place.run(&["check", "m.safetensors", "m.safetensors"]).expect_refusal(&["m.safetensors", "not a certificate"]);
}
