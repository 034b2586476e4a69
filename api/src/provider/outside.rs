use super::{ProviderError, limits, oidc::Issuers};
use crate::egress::{Answer, Egress};
use bus::clock::{Clock, Entropy};
use domain::Timestamp;
use reqwest::Request;
use std::{fmt, sync::Arc};

/// All that a provider is asked with: the way out, the time, chance, and what is remembered of issuers for some minutes.
pub struct Outside {
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    issuers: Issuers,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outside").field(&self.egress).finish()
    }
}

impl Outside {
    /// The world as it is seen through this.
    pub fn new(egress: Arc<Egress>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { egress, clock, entropy, issuers: Issuers::default() }
    }

    /// The way out.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    pub(super) fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Asks, and gives what the provider has to say; that it can't say it now is an error.
    pub(super) async fn ask(&self, request: Request) -> Result<Answer, ProviderError> {
        let answer = self.egress.send(request).await?;
        if let Some(until) = limits::until(&answer, self.now()) {
            return Err(ProviderError::RateLimited { until });
        }
        if answer.status.is_server_error() {
            return Err(ProviderError::Unavailable { status: answer.status.as_u16() });
        }
        Ok(answer)
    }
}
