//! What reads bytes that anybody may have made, and what is asked of it. Shared by the fuzz targets and by the short run in
//! `crates/multigrade/tests/mutations.rs`.

// Each target uses one of them.
#![allow(dead_code, unreachable_pub)]

use multigrade::Multigrade;
use multigrade::table::{ReadOptions, Table};
use multigrade::truth::{Certificate, Domain, Expression, Verdict, check};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A formula and, behind a line end, a box: what is read prints as a text that reads back as the same, and has an enclosure.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (formula, domain) = text.split_once('\n').unwrap_or((text, "x=0..1"));
    let (formula, domain) = (Expression::parse(formula), Domain::parse(domain));
    if let Ok(formula) = &formula {
        let printed = formula.to_string();
        let again = Expression::parse(&printed).unwrap_or_else(|error| panic!("{printed:?}: {error}"));
        assert_eq!(again.to_string(), printed);
        let at = vec![0.5; formula.variables().len()];
        let mut value = [0.0];
        formula.eval_block(&at.iter().map(std::slice::from_ref).collect::<Vec<_>>(), &mut value);
    }
    if let (Ok(formula), Ok(domain)) = (&formula, &domain)
        && let Ok(formula) = formula.with_variables(domain.names())
    {
        let range = formula.range(domain.sides()).interval();
        assert!(range.lower() <= range.upper());
    }
}

/// A model file, with the digest of its content where there is a place for it: what is read writes the same model, and can be evaluated.
pub fn model(bytes: &[u8]) {
    let signed = signed(bytes);
    let Ok(model) = Multigrade::from_bytes("fuzzed", signed.as_deref().unwrap_or(bytes)) else { return };
    assert!(Multigrade::from_bytes("again", &model.to_bytes()).is_ok_and(|again| again == model));
    let at = vec![0.5; model.n_inputs()];
    let values = model.eval_reference(&at, model.grades().len());
    assert!(values.is_ok_and(|values| values.len() == model.n_outputs()));
}

/// A certificate, with the digest of its content where there is a place for it: what is read is refused by the checker, unless it is one that was kept.
pub fn certificate(bytes: &[u8]) {
    let signed = signed(bytes);
    let Ok(certificate) = Certificate::from_bytes("fuzzed", signed.as_deref().unwrap_or(bytes)) else { return };
    let model = Multigrade::from_bytes("square", include_bytes!("../testdata/certificates/square.safetensors"));
    let model = model.unwrap_or_else(|error| panic!("the kept model: {error}"));
    if let Verdict::Proved(proved) = check(&certificate, &model) {
        // The function is x^2 on [0, 1]: a bound that is smaller than the true error would be no theorem.
        for bounds in proved.bounds().iter().filter(|_| proved.function() == "x^2" && proved.domain() == "x=0..1") {
            let value = model.eval_reference(&[0.3], bounds.grades()).unwrap_or_default();
            assert!(value.iter().all(|value| (0.09 - value).abs() <= bounds.exact().magnitude() + 1e-15));
        }
    }
}

/// A table in any format: its columns hold finite numbers for every row, or say why not.
pub fn table(bytes: &[u8]) {
    let options = ReadOptions { max_numbers: 1 << 16, texts: vec!["y".into()], ..ReadOptions::default() };
    let Ok(table) = Table::parse("fuzzed", bytes, &options) else { return };
    for name in table.column_names() {
        match table.numbers(name) {
            Ok(numbers) => assert!(numbers.len() == table.n_rows() && numbers.iter().all(|x| x.is_finite())),
            Err(error) => assert!(!error.to_string().contains(|c: char| c.is_control())),
        }
        if let Ok(Some(texts)) = table.texts(name) {
            assert_eq!(texts.len(), table.n_rows());
        }
    }
}

/// The same bytes with the digest that their content has, so that mutations get past it; none if there is no place for one.
pub fn signed(bytes: &[u8]) -> Option<Vec<u8>> {
    signed_model(bytes).or_else(|| signed_certificate(bytes))
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest covers the text of the document and every tensor's name, shape and bytes, in the order of names.
fn signed_model(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)).ok()?;
    let (header, data) = bytes.get(8..)?.split_at_checked(length)?;
    let mut header: Value = serde_json::from_slice(header).ok()?;
    let envelope = header["__metadata__"]["multigrade"].as_str()?;
    let model = envelope.split_once("\"model\":")?.1.strip_suffix('}')?.to_owned();
    let mut tensors: Vec<(&String, &Value)> =
        header.as_object()?.iter().filter(|(name, _)| *name != "__metadata__").collect();
    tensors.sort_by_key(|(name, _)| *name);
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    field(model.as_bytes());
    for (name, tensor) in tensors {
        let offset = |i: usize| usize::try_from(tensor["data_offsets"][i].as_u64()?).ok();
        field(name.as_bytes());
        let shape: Option<Vec<u8>> = tensor["shape"]
            .as_array()?
            .iter()
            .map(|n| n.as_u64().map(u64::to_le_bytes))
            .collect::<Option<Vec<_>>>()
            .map(|n| n.concat());
        field(&shape?);
        field(data.get(offset(0)?..offset(1)?)?);
    }
    let digest = hexadecimal(hash);
    header["__metadata__"]["multigrade"] = format!("{{\"digest\":\"sha256:{digest}\",\"model\":{model}}}").into();
    let header = header.to_string();
    Some([&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat())
}

/// The digest is that of the text with zeros in its place.
fn signed_certificate(bytes: &[u8]) -> Option<Vec<u8>> {
    const PLACE: &str = "\"digest\":\"sha256:";
    let text = std::str::from_utf8(bytes).ok()?;
    let at = text.find(PLACE)? + PLACE.len();
    let (before, after) = (text.get(..at)?, text.get(at + 64..)?);
    let blank = format!("{before}{}{after}", "0".repeat(64));
    let digest = hexadecimal(Sha256::new_with_prefix(&blank));
    Some(format!("{before}{digest}{after}").into_bytes())
}
