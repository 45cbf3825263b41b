//! A writer of well-formed markup in which no text can be mistaken for a tag.
//!
//! Names of tags, attributes and classes are constants of this program. Everything else (column names, file names,
//! numbers) is written through [`Escaping`], and there is no way around it: that is why this is a type and not a
//! collection of `format!` strings.

use std::fmt::{self, Display, Write};

use crate::grid::acts;

/// HTML or SVG that is being written. Every tag that was opened is closed.
#[derive(Default)]
pub(super) struct Markup {
    out: String,
}

/// A tag that was opened; attributes may follow, then one of [`Tag::text`], [`Tag::body`] or [`Tag::empty`] ends it.
#[must_use = "a tag must be ended with text, body or empty"]
pub(super) struct Tag<'a> {
    markup: &'a mut Markup,
    name: &'static str,
}

impl Markup {
    /// An HTML document up to its first tag.
    pub(super) fn document() -> Self {
        Self { out: "<!DOCTYPE html>\n".to_owned() }
    }

    /// The markup written so far.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Opens a tag.
    pub(super) fn tag(&mut self, name: &'static str) -> Tag<'_> {
        self.out.push('<');
        self.out.push_str(name);
        Tag { markup: self, name }
    }

    /// Writes text, escaped.
    pub(super) fn text(&mut self, text: impl Display) {
        // Writing to a string cannot fail; a `Display` that reports failure has nothing more to show.
        let _ = write!(Escaping(&mut self.out), "{text}");
    }

    /// Writes a style sheet, which is a constant of this program and therefore not escaped.
    pub(super) fn style(&mut self, css: &'static str) {
        self.out.push_str("<style>\n");
        self.out.push_str(css);
        self.out.push_str("</style>\n");
    }
}

impl Tag<'_> {
    /// Adds an attribute, its value escaped.
    pub(super) fn attr(self, name: &'static str, value: impl Display) -> Self {
        let out = &mut self.markup.out;
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        let _ = write!(Escaping(out), "{value}");
        out.push('"');
        self
    }

    /// Adds the attribute `class`, unless there is nothing to say in it.
    pub(super) fn class(self, names: &'static str) -> Self {
        if names.is_empty() { self } else { self.attr("class", names) }
    }

    /// Ends the tag with text between its two ends.
    pub(super) fn text(self, text: impl Display) {
        self.markup.out.push('>');
        self.markup.text(text);
        self.markup.close(self.name);
    }

    /// Ends the tag with more markup between its two ends, and the line.
    pub(super) fn body(self, write: impl FnOnce(&mut Markup)) {
        self.markup.out.push('>');
        write(self.markup);
        self.markup.close(self.name);
        self.markup.out.push('\n');
    }

    /// Ends a tag that holds nothing.
    pub(super) fn empty(self) {
        self.markup.out.push_str("/>");
    }
}

impl Markup {
    fn close(&mut self, name: &'static str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

/// Writes text so that it is shown as it is, in element content and in quoted attributes, of HTML and of XML.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\t' | '\n' => self.0.push(character),
                // Control characters are not allowed in XML, and marks of writing direction would let a name
                // reorder the numbers beside it.
                c if acts(c) => self.0.push('\u{fffd}'),
                '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Markup)) -> String {
        let mut markup = Markup::default();
        write(&mut markup);
        markup.finish()
    }

    #[test]
    fn text_cannot_open_a_tag_or_leave_an_attribute() {
        let evil = "</p><script>alert('1')</script> & \" onload=\"x";
        let html = written(|m| m.tag("p").attr("title", evil).text(evil));
        let harmless = "&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot; onload=&quot;x";
        assert_eq!(html, format!("<p title=\"{harmless}\">{harmless}</p>"));
    }

    #[test]
    fn characters_that_are_illegal_or_reorder_text_become_visible() {
        assert_eq!(written(|m| m.text("a\0b\u{202e}c\u{8}d\u{ffff}")), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}");
        assert_eq!(written(|m| m.text("Ångström, Δp, 温度")), "Ångström, Δp, 温度");
    }

    #[test]
    fn tags_nest_and_close() {
        let html = written(|m| {
            m.tag("div").class("a").body(|m| {
                m.tag("br").empty();
                m.tag("b").text(1.5);
            });
        });
        assert_eq!(html, "<div class=\"a\"><br/><b>1.5</b></div>\n");
    }
}
