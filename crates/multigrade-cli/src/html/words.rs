//! Small phrases that several parts of the report use.

/// A name with its unit: `thrust (lbf)`.
pub(super) fn with_unit(name: &str, unit: Option<&str>) -> String {
    match unit {
        Some(unit) => format!("{name} ({unit})"),
        None => name.to_owned(),
    }
}

/// A count with its noun: `1 row`, `12 rows`.
pub(super) fn plural(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// A unit after a number, with the space before it; nothing if there is no unit.
pub(super) fn spaced(unit: Option<&str>) -> String {
    unit.map(|unit| format!(" {unit}")).unwrap_or_default()
}
