//! Measured numbers in JSON, where NaN and infinity have no number: they are written as text.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum AnyNumber {
    Finite(f64),
    Text(String),
    Null(()),
}

pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() { serializer.serialize_f64(*number) } else { serializer.serialize_str(&number.to_string()) }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match AnyNumber::deserialize(deserializer)? {
        AnyNumber::Finite(number) => Ok(number),
        AnyNumber::Text(text) => text.parse().map_err(serde::de::Error::custom),
        AnyNumber::Null(()) => Ok(f64::NAN),
    }
}
