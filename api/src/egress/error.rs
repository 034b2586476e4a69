use std::{error::Error, io};
use tokio_rustls::rustls;

/// An address was not asked, or gave no answer. Names hosts as they were set, and nothing else of an address or a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// It is in clear, or is no web address.
    #[error("an address that this server asks begins with https://")]
    Scheme,
    /// It holds a user or a password.
    #[error("an address that this server asks holds no user and no password")]
    Credentials,
    /// It names no host.
    #[error("an address that this server asks names a host")]
    NoHost,
    /// It is somewhere that this server does not ask.
    #[error(
        "{host} is no public address: a private network has to be named in egress_allow; loopback, link-local and metadata addresses stay closed"
    )]
    Blocked {
        /// The host.
        host: String,
    },
    /// It leads on and on.
    #[error("the address leads to another one too often: set the one where it ends")]
    Redirects,
    /// Its name has no address.
    #[error("{host} has no address: check its name, and the name server of this machine")]
    Unresolved {
        /// The host.
        host: String,
    },
    /// Its certificate does not hold.
    #[error(
        "{host} shows a certificate that this machine does not trust: add its authority to the system's certificates"
    )]
    Untrusted {
        /// The host.
        host: String,
    },
    /// It can't be connected to, or breaks off.
    #[error("{host} can't be reached: check the address, and whether this machine may connect to it")]
    Unreachable {
        /// The host.
        host: String,
    },
    /// It takes too long.
    #[error("{host} does not answer in time: try again")]
    Slow {
        /// The host.
        host: String,
    },
    /// It says too much.
    #[error("{host} answers with more than 1 MiB: it is hardly what the address should lead to")]
    TooLarge {
        /// The host.
        host: String,
    },
    /// This machine can't speak TLS.
    #[error("TLS can't be spoken: this machine has no certificates of authorities")]
    NoTls,
}

impl EgressError {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Scheme | Self::Credentials | Self::NoHost => "egress.address",
            Self::Blocked { .. } => "egress.blocked",
            Self::Redirects => "egress.redirects",
            Self::Unresolved { .. } | Self::Untrusted { .. } | Self::Unreachable { .. } | Self::NoTls => {
                "egress.unreachable"
            }
            Self::Slow { .. } => "egress.slow",
            Self::TooLarge { .. } => "egress.too_large",
        }
    }

    /// What an error of the client means: a verdict of ours that came back through it, or one of the network.
    pub(super) fn of(host: &str, error: &reqwest::Error) -> Self {
        let host = || host.to_owned();
        if let Some(verdict) = find::<Self>(error) {
            return verdict.clone();
        }
        let untrusted = |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
        if error.is_timeout() {
            Self::Slow { host: host() }
        } else if find::<rustls::Error>(error).is_some_and(untrusted) {
            Self::Untrusted { host: host() }
        } else {
            Self::Unreachable { host: host() }
        }
    }
}

/// The error of this kind among the sources of another. An I/O error hides what it carries from `source`.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}
