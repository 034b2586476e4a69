//! The one way out to addresses that an operator sets: what they may be, and what is asked of them.
//!
//! Whoever may set such an address could have this server ask what only it can reach: itself, the cloud's metadata service, its
//! neighbours (CWE-918). So three things are judged by the same [`Policy`]: the address as it is written, each address that a redirect
//! leads to, and each that a name resolves to. The last is done where the connection is made, and what was judged is what is
//! connected to: a name that changes its mind in between gains nothing.
mod answer;
mod error;
mod policy;
mod resolver;
mod space;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use error::EgressError;
pub use policy::Policy;
pub use space::is_private;

use reqwest::{Client, Method, Request, Url, redirect};
use resolver::{Guarded, Lookup, SystemLookup};
use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How many redirects are followed.
const REDIRECTS_MAX: usize = 3;

/// The bounds of a request.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// For the name and the connection.
    connect: Duration,
    /// For all of it, the body too.
    whole: Duration,
    /// The largest body, in bytes.
    body: usize,
}

const LIMITS: Limits = Limits { connect: Duration::from_secs(5), whole: Duration::from_secs(15), body: 1 << 20 };

/// Sends requests to addresses that an operator set: within 15 seconds, no more than 1 MiB, through no proxy, and nowhere that
/// its [`Policy`] does not permit.
pub struct Egress {
    policy: Policy,
    limits: Limits,
    lookup: Arc<dyn Lookup>,
    clients: OnceLock<Result<Clients, EgressError>>,
}

struct Clients {
    following: Client,
    staying: Client,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Egress").field(&self.policy).finish()
    }
}

impl Egress {
    /// A way out under this policy. The system's certificates are read when it is first used.
    pub fn new(policy: Policy) -> Self {
        Self::with(policy, LIMITS, Arc::new(SystemLookup))
    }

    fn with(policy: Policy, limits: Limits, lookup: Arc<dyn Lookup>) -> Self {
        Self { policy, limits, lookup, clients: OnceLock::new() }
    }

    /// Whether this address may be asked, as far as that can be seen before its name is resolved.
    ///
    /// # Errors
    /// It is not https, holds a user or a password, or names no host or one that is out of bounds.
    pub fn check(&self, url: &Url) -> Result<(), EgressError> {
        self.policy.check(url)
    }

    /// Sends this and reads the whole answer, whatever its status. Redirects of a `GET` are followed; any other request may carry
    /// a secret in its body, and is answered by whom it was sent to.
    ///
    /// # Errors
    /// [`EgressError`]: it may not be asked, can't be reached, or answers too late or too much.
    pub async fn send(&self, request: Request) -> Result<Answer, EgressError> {
        self.check(request.url())?;
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let clients = self.clients.get_or_init(|| self.build()).as_ref().map_err(Clone::clone)?;
        let client = if request.method() == Method::GET { &clients.following } else { &clients.staying };
        let response = client.execute(request).await.map_err(|error| EgressError::of(&host, &error))?;
        Answer::read(response, self.limits.body).await
    }

    fn build(&self) -> Result<Clients, EgressError> {
        Ok(Clients {
            following: self.client(following(self.policy.clone()))?,
            staying: self.client(redirect::Policy::none())?,
        })
    }

    fn client(&self, redirects: redirect::Policy) -> Result<Client, EgressError> {
        Client::builder()
            .user_agent(concat!("dkube/", env!("CARGO_PKG_VERSION")))
            // A proxy would resolve the name again, and connect to what nobody judged.
            .no_proxy()
            .referer(false)
            .redirect(redirects)
            .dns_resolver(Guarded { policy: self.policy.clone(), lookup: Arc::clone(&self.lookup) })
            .connect_timeout(self.limits.connect)
            .timeout(self.limits.whole)
            .build()
            .map_err(|_| EgressError::NoTls)
    }
}

/// Each hop is judged like the address that was set, and none leaves TLS.
fn following(policy: Policy) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        let downgrade =
            attempt.previous().last().is_some_and(|last| last.scheme() == "https") && attempt.url().scheme() != "https";
        let verdict = match policy.check(attempt.url()) {
            Err(error) => Err(error),
            Ok(()) if downgrade => Err(EgressError::Scheme),
            Ok(()) if attempt.previous().len() > REDIRECTS_MAX => Err(EgressError::Redirects),
            Ok(()) => Ok(()),
        };
        match verdict {
            Ok(()) => attempt.follow(),
            Err(error) => attempt.error(error),
        }
    })
}
