use crate::http::problem::Problem;
use projections::view::{Page, PageError};
use serde::Deserialize;
use std::{fmt::Display, str::FromStr};

/// How many items of a list are wanted: 1 to 1000, 100 where nothing is said.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "usize")]
pub(crate) struct Paging(usize);

impl Default for Paging {
    fn default() -> Self {
        Self(Page::LIMIT_DEFAULT)
    }
}

impl TryFrom<usize> for Paging {
    type Error = PageError;
    fn try_from(limit: usize) -> Result<Self, PageError> {
        Page::try_new(None, limit).map(|_| Self(limit))
    }
}

impl Paging {
    /// The number.
    pub(crate) const fn get(self) -> usize {
        self.0
    }

    /// The page behind a cursor.
    ///
    /// # Errors
    /// None: the limit was checked before.
    pub(crate) fn page(self, after: Option<&String>) -> Result<Page, Problem> {
        Page::try_new(after.cloned(), self.0).map_err(no_page)
    }
}

/// The answer to a page that can't be given.
pub(crate) fn no_page(error: PageError) -> Problem {
    match error {
        PageError::Limit => Problem::new("request.query", format!("limit: {error}")),
        PageError::Cursor => Problem::new("request.query", format!("after: {error}")),
    }
}

/// A filter for what belongs to something, or to nothing: `none`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String", bound(deserialize = "T: FromStr<Err: Display>"))]
pub(crate) struct Belongs<T>(pub(crate) Option<T>);

impl<T: FromStr<Err: Display>> TryFrom<String> for Belongs<T> {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|word| Self(Some(word))).map_err(|error: T::Err| error.to_string())
    }
}
