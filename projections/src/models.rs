//! All read models together, fed by the same events in the same order.
use crate::{
    audit::Audit,
    cursor::{Applied, Gap, step},
    state::State,
};
use domain::{Position, Recorded};

/// Everything that is folded from the log. After catching up, all of it stands at one position.
#[derive(Debug, Clone, Default)]
pub struct Models {
    state: State,
    audit: Audit,
}

impl Models {
    /// The cluster and its names.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The index of the audit trail.
    pub const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The last event that all of them have folded in. While one is rebuilt alone, the others are ahead of it.
    pub fn position(&self) -> Position {
        self.state.position().min(self.audit.position())
    }

    /// Folds the next event into each model that has not seen it.
    ///
    /// # Errors
    /// The event is not the next one for one of them: nothing changed.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<Applied, Gap> {
        step(self.state.position(), recorded.position)?;
        step(self.audit.position(), recorded.position)?;
        let both = (self.state.apply(recorded)?, self.audit.apply(recorded)?);
        Ok(if both == (Applied::Duplicate, Applied::Duplicate) { Applied::Duplicate } else { Applied::Folded })
    }

    /// The index of the audit trail, to put sealed segments into.
    pub(crate) const fn audit_mut(&mut self) -> &mut Audit {
        &mut self.audit
    }

    pub(crate) const fn from_parts(state: State, audit: Audit) -> Self {
        Self { state, audit }
    }
}
