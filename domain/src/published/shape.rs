//! What values look like in JSON.

/// What a value looks like in JSON.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Any text.
    Free,
    /// A text with a rule.
    Text(Text),
    /// One of a few words.
    Choice(Choice),
    /// A whole number from 0 to this.
    Count(u64),
    /// `true` or `false`.
    Flag,
    /// This, or `null`.
    Optional(&'static Shape),
    /// Any number of these, in order.
    List(&'static Shape),
    /// An object.
    Record(Record),
}

/// A text with a rule.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// What such texts are called.
    pub name: &'static str,
    /// The rule, for a person.
    pub about: &'static str,
    /// What every such text matches, as a regular expression of ECMA-262.
    pub pattern: &'static str,
    /// The most characters.
    pub max: usize,
    /// Its format, as JSON Schema names it.
    pub format: Option<&'static str>,
}

/// One of a few words.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// What is chosen.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
    /// The words.
    pub words: &'static [&'static str],
}

/// An object whose fields are always there.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// What such objects are called.
    pub name: &'static str,
    /// What one says.
    pub about: &'static str,
    /// Its fields, in order.
    pub fields: &'static [Field],
}

/// A field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
    /// What its value looks like.
    pub shape: Shape,
}

/// What says how it looks in JSON.
pub(crate) trait Shaped {
    const SHAPE: Shape;
}
