//! Pages of lists: in a stable order, by a cursor that names the last item seen, so that a walk meets every item once,
//! whatever is added or removed meanwhile.
use domain::Position;
use serde::Serialize;
use utoipa::ToSchema;

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    after: Option<String>,
    limit: usize,
}

/// A page is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Too many or too few items are asked for.
    #[error("a page has 1 to {} items", Page::LIMIT_MAX)]
    Limit,
    /// The cursor is none that a page ended with, or what it named can't be told any more: begin again.
    #[error("the cursor leads nowhere: begin again without it")]
    Cursor,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The cursor of the next page: give it as `after`. Null on the last page.
    pub next: Option<String>,
    /// The position that the list is true at.
    #[schema(value_type = u64)]
    pub position: Position,
}

impl<T> Listed<T> {
    /// The same list of other items.
    pub fn map<U>(self, of: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(of).collect(), next: self.next, position: self.position }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, limit: Self::LIMIT_DEFAULT }
    }
}

impl Page {
    /// The most items of a page.
    pub const LIMIT_MAX: usize = 1000;
    /// The items of a page unless another number is asked for.
    pub const LIMIT_DEFAULT: usize = 100;

    /// The page behind a cursor (none: the first), of at most so many items.
    ///
    /// # Errors
    /// The limit is out of bounds.
    pub fn try_new(after: Option<String>, limit: usize) -> Result<Self, PageError> {
        if (1..=Self::LIMIT_MAX).contains(&limit) { Ok(Self { after, limit }) } else { Err(PageError::Limit) }
    }

    /// The cursor as text.
    pub(crate) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// At most so many items.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// The cursor as an id.
    pub(super) fn after_id<T: std::str::FromStr>(&self) -> Result<Option<T>, PageError> {
        self.after().map(|text| text.parse().map_err(|_| PageError::Cursor)).transpose()
    }

    /// Takes the page from items that begin behind the cursor and come in order; `show` is asked for few more than are
    /// shown.
    pub(super) fn take<I, T>(
        &self,
        position: Position,
        mut items: impl Iterator<Item = I>,
        cursor: impl Fn(&I) -> String,
        show: impl Fn(&I) -> T,
    ) -> Listed<T> {
        let mut shown = vec![];
        let mut last = None;
        while shown.len() < self.limit {
            let Some(item) = items.next() else { return Listed { items: shown, next: None, position } };
            shown.push(show(&item));
            last = Some(item);
        }
        let next = items.next().and(last).map(|last| cursor(&last));
        Listed { items: shown, next, position }
    }
}
