//! The stand-in for GitHub: an OAuth app, members page by page, limits and failures.
use crate::{CLIENT, Callback, SECRET, VERIFIER, client, post, text, with_query};
use anyhow::{Context, ensure};
use reqwest::{Client, Url, header::HeaderMap};
use serde_json::{Value, json};
use std::time::Duration;
use tests::harness::{Browser, GitHubServer, LIMIT, Restriction, Standing, Trouble, s256};

/// A GitHub with an app, and an organization of four: one of them public, one invited.
fn github(callback: &str) -> anyhow::Result<GitHubServer> {
    let github = GitHubServer::start()?;
    github.app(CLIENT, SECRET, callback);
    github.organization("acme");
    let standings = [Standing::Owner, Standing::Concealed, Standing::Public, Standing::Invited];
    for (login, standing) in ["octocat", "hubot", "mona", "invited"].iter().zip(standings) {
        github.user(login);
        github.join("acme", login, standing);
    }
    github.user("stranger");
    Ok(github)
}

fn asked_of_github(github: &GitHubServer, redirect: &str, state: &str) -> anyhow::Result<Url> {
    let fields = [
        ("client_id", CLIENT),
        ("redirect_uri", redirect),
        ("scope", "read:org"),
        ("state", state),
        ("code_challenge", &s256(VERIFIER)),
        ("code_challenge_method", "S256"),
    ];
    with_query(&format!("{}/login/oauth/authorize", github.url()), &fields)
}

async fn redeem(github: &GitHubServer, secret: &str, code: &str, more: &[(&str, &str)]) -> anyhow::Result<Value> {
    let fields = [&[("client_id", CLIENT), ("client_secret", secret), ("code", code)], more].concat();
    let answer = post(&format!("{}/login/oauth/access_token", github.url()), &fields, None).await?;
    ensure!(answer.status() == 200, "{}", answer.status());
    Ok(answer.json().await?)
}

/// What the API answers: status, headers and body.
async fn api(url: &str, token: &str) -> anyhow::Result<(u16, HeaderMap, Value)> {
    let answer = client()?.get(url).bearer_auth(token).send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok((status, headers, answer.json().await?))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn a_person_lets_an_app_in_at_github() -> anyhow::Result<()> {
    let back = Callback::serve().await?;
    let github = github(&back.url)?;
    let mut browser = Browser::new()?;
    let start = browser.open(back.url.trim_end_matches("callback")).await?;
    let state = "<\"the\" state & more>";
    let authorize = asked_of_github(&github, &back.url, state)?;
    let page = browser.follow(&start, authorize.as_str()).await?;
    let denied = browser.submit(&page, &[("login", "octocat"), ("cancel", "1")]).await?;
    assert_eq!(denied.parameter("error").as_deref(), Some("access_denied"));
    let page = browser.submit(&page, &[("login", "octocat"), ("authorize", "1")]).await?;
    assert_eq!(page.parameter("state").as_deref(), Some(state));
    assert_eq!(page.hops.last().context("there is a hop")?.cookies, ["__Host-lax"]);
    let code = page.parameter("code").context("there is a code")?;

    let proof = [("code_verifier", VERIFIER), ("redirect_uri", &back.url)];
    let wrong = redeem(&github, "wrong", &code, &proof).await?;
    assert_eq!(wrong["error"], "incorrect_client_credentials");
    let tokens = redeem(&github, SECRET, &code, &proof).await?;
    assert_eq!((&tokens["token_type"], &tokens["scope"]), (&json!("bearer"), &json!("read:org")));
    let again = redeem(&github, SECRET, &code, &proof).await?;
    assert_eq!(again["error"], "bad_verification_code");
    let token = text(&tokens, "access_token")?;
    let (status, headers, me) = api(&format!("{}/user", github.api_url()), token).await?;
    assert_eq!((status, &me["login"], header(&headers, "x-oauth-scopes")), (200, &json!("octocat"), "read:org"));
    assert!(me["id"].is_u64());

    // A person who has let it in is not asked again; a person who chooses is.
    let page = browser.follow(&start, authorize.as_str()).await?;
    let code = page.parameter("code").context("there is a code at once")?;
    assert_eq!(redeem(&github, SECRET, &code, &[]).await?["error"], "bad_verification_code", "no verifier");
    let choose = browser.follow(&start, &format!("{authorize}&prompt=select_account")).await?;
    browser.halt_before(Some(&back.url));
    let page = browser.submit(&choose, &[("login", "hubot"), ("scope", "")]).await?;
    let code = Url::parse(page.location().context("it is a redirect")?)?;
    let code = code.query_pairs().find(|(name, _)| name == "code").context("there is a code")?.1.into_owned();
    let other =
        redeem(&github, SECRET, &code, &[("code_verifier", VERIFIER), ("redirect_uri", "http://127.0.0.1:1/")]).await?;
    assert_eq!(other["error"], "redirect_uri_mismatch");
    browser.halt_before(None);
    let mismatch = asked_of_github(&github, "http://127.0.0.1:1/elsewhere", "s")?;
    let page = browser.open(mismatch.as_str()).await?;
    assert_eq!(page.parameter("error").as_deref(), Some("redirect_uri_mismatch"));
    assert_eq!(browser.open(&authorize.as_str().replace("=dkube", "=unknown")).await?.status, 404);

    // The app gives the token back.
    assert_eq!((github.tokens("octocat"), github.requests("/user")), (1, 1));
    let end = |secret: &'static str| {
        let url = format!("{}/applications/{CLIENT}/token", github.api_url());
        let body = json!({"access_token": token});
        async move { anyhow::Ok(client()?.delete(url).basic_auth(CLIENT, Some(secret)).json(&body).send().await?.status()) }
    };
    assert_eq!(end("wrong").await?, 404);
    assert_eq!(end(SECRET).await?, 204);
    assert_eq!((github.tokens("octocat"), api(&format!("{}/user", github.url()), token).await?.0), (0, 401));
    Ok(())
}

#[tokio::test]
async fn github_tells_who_belongs_to_an_organization() -> anyhow::Result<()> {
    let github = github("http://127.0.0.1/callback")?;
    let mine = format!("{}/user/memberships/orgs/acme", github.api_url());
    for (login, status, state) in [("hubot", 200, "active"), ("invited", 200, "pending"), ("stranger", 404, "")] {
        let (found, _, body) = api(&mine, &github.token(login, "read:org")).await?;
        assert_eq!((found, body["state"].as_str().unwrap_or_default()), (status, state), "{login}: {body}");
    }
    assert_eq!(api(&mine, &github.token("hubot", "")).await?.0, 403, "without the scope");
    let token = github.token("octocat", "read:org");
    assert_eq!(api(&mine, &token).await?.2["role"], "admin");
    github.restrict("acme", Some(Restriction::Saml));
    let (status, headers, _) = api(&mine, &token).await?;
    assert!(status == 403 && header(&headers, "x-github-sso").starts_with("required; url="), "{headers:?}");
    github.restrict("acme", None);

    // Two pages of three members, over the link to the next.
    let members = format!("{}/orgs/acme/members", github.api_url());
    let (_, headers, first) = api(&format!("{members}?per_page=2"), &token).await?;
    let links = header(&headers, "link");
    let next = links.split(", ").find_map(|link| link.strip_prefix('<')?.strip_suffix(">; rel=\"next\""));
    let (_, headers, second) = api(next.with_context(|| links.to_owned())?, &token).await?;
    assert!(!header(&headers, "link").contains("next") && header(&headers, "link").contains("prev"));
    let logins = |page: &Value| {
        page.as_array()
            .into_iter()
            .flatten()
            .filter_map(|user| Some(user["login"].as_str()?.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (logins(&first), logins(&second)),
        (vec!["octocat".to_owned(), "hubot".to_owned()], vec!["mona".to_owned()])
    );
    // Others, and those whose token may not, see the one that everybody sees.
    for token in [github.token("stranger", "read:org"), github.token("octocat", "")] {
        assert_eq!(logins(&api(&members, &token).await?.2), ["mona"]);
    }
    assert_eq!(logins(&api(&format!("{}/orgs/acme/public_members", github.url()), &token).await?.2), ["mona"]);

    // A name passes on, a number does not.
    let old = api(&format!("{}/users/hubot", github.api_url()), &token).await?.2["id"].clone();
    github.rename("hubot", "hubot-2");
    assert_eq!(api(&format!("{}/users/hubot", github.api_url()), &token).await?.0, 404);
    assert_eq!(api(&format!("{}/user/{old}", github.api_url()), &token).await?.2["login"], "hubot-2");
    let (theirs, new) = (github.token("hubot-2", "read:org"), github.user("hubot"));
    assert_ne!(old, new);
    github.leave("acme", "hubot-2");
    assert_eq!(api(&mine, &theirs).await?.0, 404);
    github.delete("hubot-2");
    assert_eq!(api(&mine, &theirs).await?.0, 401);
    Ok(())
}

#[tokio::test]
async fn github_limits_and_fails_as_it_is_told() -> anyhow::Result<()> {
    let mut github = github("http://127.0.0.1/callback")?;
    let (user, token) = (format!("{}/user", github.api_url()), github.token("mona", ""));
    github.allow(2);
    for left in ["1", "0"] {
        let (status, headers, _) = api(&user, &token).await?;
        assert_eq!((status, header(&headers, "x-ratelimit-remaining")), (200, left));
    }
    assert_eq!(api(&user, &token).await?.0, 403);
    assert_eq!(api(&user, &github.token("octocat", "")).await?.0, 200, "each user has an hour's requests");

    github.allow(5000);
    for status in [403, 429] {
        github.trouble(Some(Trouble::Exceeded { status, reset_in: Duration::from_mins(10) }));
        let (found, headers, body) = api(&user, &token).await?;
        assert_eq!((found, header(&headers, "x-ratelimit-remaining")), (status, "0"), "{body}");
        assert!(
            header(&headers, "x-ratelimit-reset").parse::<u64>()? > 1_700_000_000
                && !headers.contains_key("retry-after")
        );
        github.trouble(Some(Trouble::Secondary { status, retry_after: Duration::from_secs(7) }));
        let (found, headers, _) = api(&user, &token).await?;
        assert_eq!((found, header(&headers, "retry-after")), (status, "7"));
        assert_ne!(header(&headers, "x-ratelimit-remaining"), "0");
    }
    github.trouble(Some(Trouble::Down { status: 502 }));
    assert_eq!(client()?.get(&user).send().await?.status(), 502);
    github.trouble(None);
    assert_eq!(api(&user, &token).await?.0, 200);
    let nameless = Client::builder().no_proxy().timeout(LIMIT).build()?;
    assert_eq!(nameless.get(&user).bearer_auth(&token).send().await?.status(), 403, "no User-Agent");

    github.stop();
    assert!(api(&user, &token).await.is_err());
    github.start_again()?;
    assert_eq!(api(&user, &token).await?.0, 200);
    Ok(())
}
