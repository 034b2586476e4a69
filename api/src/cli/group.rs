//! `dkube group …`
use super::{
    args::{List, Match, Read, Write},
    call::Call,
    context::Context,
    error::CliError,
    table::{As, Column},
};
use clap::Subcommand;
use domain::{GroupName, Login, PoolName};
use serde_json::{Map, Value, json};

pub(super) const COLUMNS: [Column; 3] =
    [("NAME", "name", As::Text), ("USERS", "users", As::Count), ("POOL", "pool", As::Text)];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List groups
    List {
        /// Only the one with this pool; none: those without a pool
        #[arg(long)]
        pool: Option<PoolName>,
        #[command(flatten)]
        list: List,
    },
    /// Show a group
    Show {
        name: GroupName,
        #[command(flatten)]
        read: Read,
    },
    /// Create a group
    Create {
        name: GroupName,
        /// A user who is in no group; may be given many times
        #[arg(long = "user", value_name = "LOGIN")]
        users: Vec<Login>,
        /// The pool that its users may claim devices of
        #[arg(long)]
        pool: Option<PoolName>,
        #[command(flatten)]
        write: Write,
    },
    /// Change a group's users and pool
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args(["add_users", "remove_users", "pool", "no_pool"]))]
    Edit {
        name: GroupName,
        /// A user who shall join; may be given many times
        #[arg(long = "add-user", value_name = "LOGIN")]
        add_users: Vec<Login>,
        /// A user who shall leave; may be given many times
        #[arg(long = "remove-user", value_name = "LOGIN")]
        remove_users: Vec<Login>,
        /// The pool to bind
        #[arg(long, conflicts_with = "no_pool")]
        pool: Option<PoolName>,
        /// Unbind its pool
        #[arg(long)]
        no_pool: bool,
        #[command(flatten)]
        matching: Match,
        #[command(flatten)]
        write: Write,
    },
    /// Delete a group that has no users and no pool
    Delete {
        name: GroupName,
        #[command(flatten)]
        matching: Match,
        #[command(flatten)]
        write: Write,
    },
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { pool, list } => {
                context.list(Call::get(["groups"]).query_some("pool", pool), &list, &COLUMNS).await
            }
            Self::Show { name, read } => context.show(Call::get(["groups", name.as_str()]), &read).await,
            Self::Create { name, users, pool, write } => {
                let body = json!({"name": name, "users": users, "pool": pool});
                context.command(Call::post(["groups"], body), &write).await
            }
            Self::Edit { name, add_users, remove_users, pool, no_pool, matching, write } => {
                let mut body = Map::new();
                if !add_users.is_empty() {
                    body.insert("add_users".to_owned(), json!(add_users));
                }
                if !remove_users.is_empty() {
                    body.insert("remove_users".to_owned(), json!(remove_users));
                }
                // Null unbinds; left out, the pool stays.
                if no_pool || pool.is_some() {
                    body.insert("pool".to_owned(), json!(pool));
                }
                let call = Call::patch(["groups", name.as_str()], Value::Object(body));
                context.command(matching.apply(call), &write).await
            }
            Self::Delete { name, matching, write } => {
                context.command(matching.apply(Call::delete(["groups", name.as_str()])), &write).await
            }
        }
    }
}
