//! Where people sign in, as people see it.
use super::{AlertJobs, AlertView, BackendKind, Look, Severity, UserRef};
use domain::{
    Position, ProviderUrl, ProviderWord, Timestamp,
    backend::{Proposal, Provider, Secret, Shown},
};
use serde::Serialize;
use utoipa::ToSchema;

/// For so many seconds, a sign-in of the operator who remains is told of.
const TOLD_FOR: i64 = 86_400;

/// The sign-in backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SignInView {
    /// The sort of backend.
    pub kind: BackendKind,
    /// Since when; null: since the founding.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// The provider; null where people are known here.
    pub provider: Option<ProviderView>,
    /// When its credentials were last set.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub credentials_at: Option<Timestamp>,
    /// What shall take its place, once its operator has signed in through it.
    pub proposal: Option<ProposalView>,
    /// Where it was last configured: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// A sign-in provider, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProviderView {
    /// The sort of provider.
    pub kind: BackendKind,
    /// GitHub's address, or the issuer.
    #[schema(value_type = String)]
    pub address: ProviderUrl,
    /// GitHub's organization; null for others.
    #[schema(value_type = Option<String>)]
    pub organization: Option<ProviderWord>,
    /// The client's id there.
    #[schema(value_type = String)]
    pub client_id: ProviderWord,
    /// Whether there is a client's secret that can be used: it is never shown. False where the key that it is sealed under was lost.
    pub client_secret: bool,
    /// Whether there is a token that lists an organization's private members and can be used, likewise.
    pub directory_token: bool,
    /// What is asked for of an OpenID provider.
    #[schema(value_type = Vec<String>)]
    pub scopes: Vec<ProviderWord>,
    /// The claim that is somebody's login; null for GitHub.
    #[schema(value_type = Option<String>)]
    pub login_claim: Option<ProviderWord>,
}

/// A backend that waits for its operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProposalView {
    /// The provider.
    pub provider: ProviderView,
    /// Who has to sign in through it.
    pub operator: UserRef,
    /// When it was proposed.
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: Timestamp,
}

impl From<&Provider> for ProviderView {
    fn from(provider: &Provider) -> Self {
        let Shown { kind, address, client_id, organization, scopes, login_claim, .. } = provider.shown();
        let usable = |secret: &Secret| secret.reveal().is_some();
        Self {
            kind: kind.into(),
            address,
            organization,
            client_id,
            client_secret: usable(provider.client_secret()),
            directory_token: provider.directory_token().is_some_and(usable),
            scopes,
            login_claim,
        }
    }
}

impl Look<'_> {
    /// Where people sign in.
    pub fn sign_in(&self) -> SignInView {
        let standing = self.cluster().sign_in();
        let proposal = |proposal: &Proposal| ProposalView {
            provider: (&proposal.provider).into(),
            operator: UserRef { id: proposal.operator, login: Some(proposal.login.clone()) },
            proposed_at: proposal.proposed_at,
        };
        SignInView {
            kind: standing.kind().into(),
            since: standing.since,
            provider: standing.provider.as_ref().map(ProviderView::from),
            credentials_at: standing.credentials_at,
            proposal: standing.proposal.as_ref().map(proposal),
            revision: standing.revision.max(Position(1)),
        }
    }

    /// Of the operator who remains though people sign in elsewhere: that they have come in, and that they hold tokens, by which they
    /// come in unseen.
    pub(super) fn break_glass_alerts(&self) -> Vec<AlertView> {
        let (cluster, held_since) = (self.cluster(), self.cluster().sign_in().since);
        let remains = cluster.users().values().find(|user| user.break_glass);
        let Some(user) = remains.filter(|_| cluster.sign_in().provider.is_some()) else { return vec![] };
        let alert = |code: &str, since, summary: String, action: &str| AlertView {
            severity: Severity::Warning,
            code: code.to_owned(),
            subject: format!("user/{}", user.id),
            node: None,
            since,
            summary,
            action: action.to_owned(),
            jobs: AlertJobs::default(),
        };
        let past_it = |at: &Timestamp| held_since.is_none_or(|since| since < *at);
        let came = user.signed_in_at.filter(past_it).filter(|at| self.time < at.plus_seconds(TOLD_FOR));
        let came = came.map(|at| {
            let summary = "the break-glass operator has signed in, past the sign-in backend".to_owned();
            let action = "look in the audit trail who it was and why (--type SignedIn); this is told for a day";
            alert("auth.break_glass", Some(at), summary, action)
        });
        let tokens = user.tokens.iter().filter_map(|id| cluster.token(*id));
        let tokens: Vec<_> = tokens.filter(|token| self.time < token.expires_at).collect();
        let since = tokens.iter().map(|token| token.issued_at).min().max(held_since);
        let holds = (!tokens.is_empty()).then(|| {
            let summary = format!(
                "the break-glass operator holds tokens, {} in all, which pass the sign-in backend",
                tokens.len()
            );
            let action = "revoke them (dkube token revoke), and give programs tokens of a user of their own";
            alert("auth.break_glass_tokens", since, summary, action)
        });
        came.into_iter().chain(holds).collect()
    }
}
