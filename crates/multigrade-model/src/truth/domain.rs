//! Boxes: the sets on which statements are proved.

use super::expression::Literal;
use super::interval::Interval;
use super::parse::{MAX_VARIABLES, ParseError, Reader, is_reserved};

/// A box with nonempty interior and a name for each side, such as `x=0..1, y=-2..2`.
///
/// The ends are exact decimal numbers; [`sides`](Self::sides) is the smallest f64 box that contains the decimal one.
///
/// ```
/// use multigrade_model::truth::Domain;
/// let domain = Domain::parse("x = 0..0.1, y = -2..2")?;
/// assert_eq!(domain.names(), ["x", "y"]);
/// assert_eq!(domain.sides()[0].upper(), 0.1); // the nearest f64 is a little above one tenth
/// assert_eq!(domain.to_string(), "x=0..0.1, y=-2..2");
/// # Ok::<(), multigrade_model::truth::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    names: Vec<String>,
    sides: Vec<Interval>,
    text: String,
}

/// An end of a side: its text and the smallest interval around it.
fn end(reader: &mut Reader<'_>) -> Result<(String, Interval), ParseError> {
    let negative = reader.take("-");
    let Some(Literal { text, range, .. }) = reader.number()? else {
        return Err(reader.expected("a number"));
    };
    Ok(if negative { (format!("-{text}"), -range) } else { (text, range) })
}

impl Domain {
    /// Reads `name=lower..upper` for each side, separated by commas.
    ///
    /// # Errors
    /// A text that is not a box: a name that is missing, given twice or means something else in expressions, an end
    /// that is not a number, a side whose lower end is not below its upper end, more than [`MAX_VARIABLES`] sides, a
    /// text longer than [`MAX_LENGTH`](super::MAX_LENGTH).
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut reader = Reader::new(text)?;
        let mut domain = Self { names: Vec::new(), sides: Vec::new(), text: String::new() };
        loop {
            domain.side(&mut reader)?;
            if reader.rest().is_empty() {
                return Ok(domain);
            }
            reader.require(",", "',' or the end")?;
            domain.text.push_str(", ");
        }
    }

    fn side(&mut self, reader: &mut Reader<'_>) -> Result<(), ParseError> {
        let start = reader.at;
        let Some(name) = reader.name() else {
            return Err(reader.expected("the name of a variable"));
        };
        if is_reserved(name) {
            return Err(reader.fail(start, format!("'{name}' has a meaning in expressions, expected another name")));
        }
        if self.names.iter().any(|n| n == name) {
            return Err(reader.fail(start, format!("'{name}' already has a side, expected another name")));
        }
        if self.names.len() == MAX_VARIABLES {
            return Err(reader.fail(start, format!("expected at most {MAX_VARIABLES} variables")));
        }
        reader.require("=", "'='")?;
        let ends = reader.at;
        let (lower_text, lower) = end(reader)?;
        reader.require("..", "'..'")?;
        let (upper_text, upper) = end(reader)?;
        let side = Interval::new(lower.lower(), upper.upper()).filter(|_| lower.upper() < upper.lower());
        let Some(side) = side else {
            let message = format!(
                "the side of '{name}' goes from {lower_text} to {upper_text}, expected a lower end below the upper end \
                 (a variable with a single value belongs into the expression as a number)"
            );
            return Err(reader.fail(ends, message));
        };
        self.names.push(name.to_owned());
        self.sides.push(side);
        self.text.push_str(&format!("{name}={lower_text}..{upper_text}"));
        Ok(())
    }

    /// The names of the variables, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The smallest f64 box that contains the decimal one, one interval for each variable.
    pub fn sides(&self) -> &[Interval] {
        &self.sides
    }
}

impl std::fmt::Display for Domain {
    /// The text of the box, with its decimal ends as they were given; parsing it gives the same box.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
