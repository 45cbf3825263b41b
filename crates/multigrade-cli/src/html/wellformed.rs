//! A reader that accepts exactly the markup this program means to write; for tests.

/// A tag with its attributes, as it was read.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
}

/// All elements of a document in order.
///
/// Refuses what is not well-formed: tags that are not closed or closed out of order, attributes that are not quoted or
/// given twice, characters that should have been escaped.
pub(super) fn elements(document: &str) -> Result<Vec<Element>, String> {
    let mut rest = document.strip_prefix("<!DOCTYPE html>").ok_or("no document type")?;
    let mut open: Vec<String> = Vec::new();
    let mut all = Vec::new();
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        // A style sheet is not escaped, but may not hold a tag either: the next `<` must be its end.
        if open.last().is_none_or(|name| name != "style") {
            check_text(text)?;
        }
        if open.is_empty() && !text.trim().is_empty() {
            return Err(format!("text outside of the document: {text:?}"));
        }
        let end = start + rest[start..].find('>').ok_or("a tag without end")?;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(opened) if opened == name => continue,
                opened => return Err(format!("</{name}> closes {opened:?}")),
            }
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let element = element(tag)?;
        if !is_empty {
            open.push(element.name.clone());
        }
        all.push(element);
    }
    if !open.is_empty() || !rest.trim().is_empty() {
        return Err(format!("left over: {open:?} {rest:?}"));
    }
    Ok(all)
}

fn element(tag: &str) -> Result<Element, String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("not a tag: <{tag}>"));
    }
    let mut attributes: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once("=\"").ok_or_else(|| format!("not an attribute: {rest:?}"))?;
        let (value, after) = after.split_once('"').ok_or_else(|| format!("no closing quote: {rest:?}"))?;
        if !key.chars().all(|c| c.is_ascii_alphabetic() || c == '-') || attributes.iter().any(|(k, _)| k == key) {
            return Err(format!("bad attribute {key:?} in <{tag}>"));
        }
        check_text(value)?;
        attributes.push((key.to_owned(), value.to_owned()));
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    Ok(Element { name: name.to_owned(), attributes })
}

fn check_text(text: &str) -> Result<(), String> {
    const ENTITIES: [&str; 5] = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
    if let Some(c) = text.chars().find(|c| matches!(c, '<' | '>') || (c.is_control() && !matches!(c, '\n' | '\t'))) {
        return Err(format!("{c:?} is not escaped in {text:?}"));
    }
    match text.match_indices('&').find(|(at, _)| !ENTITIES.iter().any(|entity| text[*at..].starts_with(entity))) {
        Some((at, _)) => Err(format!("& is not escaped in {:?}", &text[at..])),
        None => Ok(()),
    }
}
