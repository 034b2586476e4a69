//! Steps of a history that are about where people sign in.
use super::{Teller, pick};
use domain::{
    Actor, Command, Login, Role,
    backend::{self, Credentials, GitHub, Identity, Oidc, Provider, Secret},
    token::TokenHash,
    user::{self, Newcomer, PasswordHash},
};

fn secret(n: u16) -> Secret {
    Secret::new(format!("secret-{n}").into()).unwrap()
}

fn provider(n: u16) -> Provider {
    if n.is_multiple_of(2) {
        Provider::GitHub(GitHub {
            base_url: "https://github.com".parse().unwrap(),
            organization: "research".parse().unwrap(),
            client_id: "client".parse().unwrap(),
            client_secret: secret(0),
            directory_token: n.is_multiple_of(4).then(|| secret(1)),
        })
    } else {
        Provider::Oidc(Oidc {
            issuer: "https://id.example.org".parse().unwrap(),
            client_id: "client".parse().unwrap(),
            client_secret: secret(0),
            scopes: vec!["profile".parse().unwrap()],
            login_claim: "email".parse().unwrap(),
        })
    }
}

fn known(provider: &Provider, n: u16) -> Identity {
    Identity::new(provider.realm(), &(n % 8).to_string()).unwrap()
}

fn there(n: u16) -> Login {
    format!("there-{}", n % 8).parse().unwrap()
}

fn code(n: u16) -> TokenHash {
    TokenHash([u8::try_from(n % 256).unwrap(); 32])
}

impl Teller {
    /// What an operator wishes for where people sign in, or what comes of people who do.
    pub(super) fn sign_in(&self, a: u16, b: u16, c: u16) -> (Actor, Command) {
        let remaining = self.cluster.users().values().find(|user| user.break_glass).map(|user| user.id);
        let operator = remaining.map_or(Actor::System, Actor::User);
        let standing = self.cluster.sign_in();
        let active = standing.provider.as_ref();
        let command = match (a % 10, active, &standing.proposal) {
            (0 | 1, _, Some(proposal)) => Command::Backend(backend::Command::Activate {
                proposal: proposal.revision,
                identity: known(&proposal.provider, b),
                login: proposal.login.clone(),
            }),
            (0..=2, ..) => Command::Backend(backend::Command::Propose {
                provider: provider(b),
                operator: there(c),
                link: c.is_multiple_of(5).then(|| self.login(b)),
            }),
            (3, ..) => Command::Backend(backend::Command::Return),
            (4, ..) => Command::Backend(backend::Command::UpdateCredentials(Credentials {
                client_secret: Some(secret(b % 3)),
                ..Credentials::default()
            })),
            (5 | 6, Some(active), _) => {
                let newcomers = vec![Newcomer::of(there(b), known(active, c))];
                Command::User(user::Command::Onboard { newcomers, group: None, role: Role::DataScientist })
            }
            (7, Some(active), _) => {
                let identity = known(active, b);
                Command::User(user::Command::Link { login: self.login(c), identity, called: there(b) })
            }
            (8, Some(_), _) => {
                let users = self.cluster.users().values().filter(|user| user.identity.is_some());
                let Some(user) = pick(users.map(|user| user.id), b) else { return (operator, NOTHING) };
                Command::User(user::Command::Rename { user, login: there(c) })
            }
            (9, None, _) => Command::User(user::Command::AcceptInvitation {
                code: pick(self.invited(), b).unwrap_or(code(b)),
                hash: PasswordHash::new("$chosen"),
            }),
            // In earnest no two codes are alike.
            (_, None, _) => Command::User(user::Command::Invite { login: self.login(b), hash: self.fresh_hash() }),
            (_, Some(_), _) => NOTHING,
        };
        (operator, command)
    }

    fn invited(&self) -> impl Iterator<Item = TokenHash> {
        self.cluster.users().values().filter_map(|user| user.invitation.as_ref().map(|invitation| invitation.hash))
    }
}

const NOTHING: Command = Command::Policy(domain::policy::Command::Upkeep);
