//! The members of an organization: listed page by page, on-boarded together, and followed as they join and leave.
use crate::github::{ORG, as_user, github, proposal, switched_to};
use crate::{FLAGS, who};
use anyhow::ensure;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::harness::{Client, GitHubServer, LIMIT, Place, Reply, Server, Standing, Trouble};

/// How many members join besides those that every story has: more than two pages of them.
const MEMBERS: usize = 250;

fn member(nth: usize) -> String {
    format!("member-{nth:03}")
}

/// A GitHub whose organization has many members, every second of them a private one.
fn large() -> anyhow::Result<GitHubServer> {
    let github = github()?;
    for nth in 0..MEMBERS {
        github.user(&member(nth));
        github.join(ORG, &member(nth), if nth % 2 == 0 { Standing::Concealed } else { Standing::Public });
    }
    Ok(github)
}

/// A server whose people are that organization's, listed with a token.
async fn listing(server: &Server, github: &GitHubServer) -> anyhow::Result<Client> {
    let mut proposal = proposal(github, "boss");
    proposal["directory_token"] = json!(github.token("boss", "read:org"));
    switched_to(server, github, proposal).await
}

async fn refresh(operator: &Client) -> anyhow::Result<Reply> {
    operator.post("/v1/directory/refresh", json!({})).await
}

/// Fetches the directory until that comes to what is wanted: a fetch that was under way may have seen the state of before.
async fn refreshed(operator: &Client, wanted: impl Fn(&Reply) -> bool) -> anyhow::Result<Reply> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let reply = refresh(operator).await?;
        if wanted(&reply) {
            return Ok(reply);
        }
        ensure!(Instant::now() < deadline, "the directory is still {} {}", reply.status, reply.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Who is in that state, by login.
async fn logins(operator: &Client, state: &str) -> anyhow::Result<Vec<String>> {
    let entries = operator.all(&format!("/v1/directory?state={state}"), None).await?;
    Ok(entries.iter().filter_map(|entry| entry["login"].as_str().map(str::to_owned)).collect())
}

async fn alerts(operator: &Client, code: &str) -> anyhow::Result<Vec<Value>> {
    let alerts = operator.get("/v1/alerts").await?.done()?.body;
    let items = alerts["items"].as_array().cloned().unwrap_or_default();
    Ok(items.into_iter().filter(|alert| alert["code"] == code).collect())
}

#[tokio::test]
async fn members_are_listed_on_boarded_together_and_followed() -> anyhow::Result<()> {
    let (place, github) = (Place::new()?, large()?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = listing(&server, &github).await?;
    let all = MEMBERS + 3;
    assert_eq!(refresh(&operator).await?.done()?.body["people"], all);
    let known = logins(&operator, "known").await?;
    assert_eq!(known.len(), all - 1, "boss is on-boarded");
    assert!(known.contains(&"ada".to_owned()), "a private member is listed with a token");

    operator.post("/v1/groups", json!({"name": "vision", "users": [], "pool": null})).await?.done()?;
    let some: Vec<String> = (0..120).map(member).collect();
    let onboarded = operator.post("/v1/users", json!({"logins": some, "group": "vision"})).await?.done()?;
    assert_eq!(onboarded.status, 201);
    operator.settled().await?;
    let group = operator.get("/v1/groups/vision").await?.done()?.body;
    assert_eq!(group["users"].as_array().map(Vec::len), Some(some.len()), "{group}");
    assert_eq!(logins(&operator, "on-boarded").await?.len(), some.len() + 1);
    let start = format!("{}/auth/github/start", server.url());
    let (mut browser, page) = as_user(&start, &member(1)).await?;
    assert_eq!(who(&mut browser, &page).await?["login"], member(1));

    github.user("zoe");
    github.join(ORG, "zoe", Standing::Concealed);
    refreshed(&operator, |reply| reply.body["people"] == all + 1).await?;
    assert!(logins(&operator, "known").await?.contains(&"zoe".to_owned()));

    // Whoever leaves is told of, and stays as they are until somebody decides.
    assert_eq!(alerts(&operator, "user.left_organization").await?, Vec::<Value>::new());
    for gone in [1, 200] {
        github.leave(ORG, &member(gone));
    }
    refreshed(&operator, |reply| reply.body["people"] == all - 1).await?;
    assert_eq!(logins(&operator, "left").await?, [member(1)]);
    assert!(!logins(&operator, "known").await?.contains(&member(200)));
    let told = alerts(&operator, "user.left_organization").await?;
    let id = operator.get(&format!("/v1/users/{}", member(1))).await?.done()?.body["id"].clone();
    assert_eq!((told.len(), &told[0]["subject"]), (1, &json!(format!("user/{}", id.as_str().unwrap_or_default()))));
    assert_eq!(who(&mut browser, &page).await?["login"], member(1));
    operator.patch(&format!("/v1/users/{}", member(1)), json!({"suspended": true})).await?.done()?;
    operator.settled().await?;
    assert_eq!(alerts(&operator, "user.left_organization").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_limit_of_github_is_shown_and_honoured_until_it_is_over() -> anyhow::Result<()> {
    let (place, github) = (Place::new()?, github()?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = listing(&server, &github).await?;
    assert_eq!(refresh(&operator).await?.done()?.body["people"], 3);
    let limited = |reply: &Reply| reply.status == 429 && reply.body["code"] == "provider.rate_limited";
    let seconds = |reply: &Reply| -> u64 {
        let header = reply.headers.get("retry-after").and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        header.unwrap_or_default()
    };
    let asked = || github.requests(&format!("/orgs/{ORG}/members"));

    let hour = Duration::from_hours(1);
    github.trouble(Some(Trouble::Exceeded { status: 403, reset_in: hour }));
    let told = refreshed(&operator, limited).await?;
    assert!((3500..=3601).contains(&seconds(&told)), "{:?}", told.headers);
    let before = asked();
    let again = refresh(&operator).await?;
    assert!(limited(&again) && seconds(&again) <= seconds(&told), "{} {}", again.status, again.body);
    assert_eq!(asked(), before, "GitHub was asked though it takes no questions");
    // The list of before is shown, with when it goes on.
    let directory = operator.get("/v1/directory").await?.done()?.body;
    let trouble = directory["trouble"].as_str().unwrap_or_default();
    assert!(trouble.contains("takes no more questions before 20"), "{directory}");
    assert!(
        directory["fetched_at"].is_string() && directory["items"].as_array().map(Vec::len) == Some(3),
        "{directory}"
    );

    // Another's token has a limit of its own.
    github.trouble(None);
    operator.patch("/v1/auth/backend", json!({"directory_token": github.token("ada", "read:org")})).await?.done()?;
    operator.settled().await?;
    refreshed(&operator, |reply| reply.status == 200).await?;
    assert_eq!(operator.get("/v1/directory").await?.done()?.body["trouble"], Value::Null);

    github.trouble(Some(Trouble::Secondary { status: 429, retry_after: Duration::from_secs(2) }));
    let told = refreshed(&operator, limited).await?;
    assert!((1..=2).contains(&seconds(&told)), "{:?}", told.headers);
    github.trouble(None);
    refreshed(&operator, |reply| reply.status == 200).await?;
    Ok(())
}
