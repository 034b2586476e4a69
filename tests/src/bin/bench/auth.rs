//! What it costs a request to have its sign-in checked: at most what the smallest answer to somebody who is signed in takes more
//! than the smallest to anybody.
use crate::{
    Plan, http,
    http::Showing::{Cookie, Nothing, Token},
    table::{Line, Report},
};
use anyhow::Result;

const OPEN: &str = "GET, open to anybody";
const WAYS: [(http::Showing, &str); 3] =
    [(Nothing, OPEN), (Token, "GET, signed in by a token"), (Cookie, "GET, signed in by a cookie")];

pub(crate) async fn run(plan: &Plan, callers: &[usize]) -> Result<Report> {
    let mut report = Report::default();
    for &callers in callers {
        let load = format!("{callers} callers");
        let line =
            |(_, what): (_, &str)| Line { what: what.to_owned(), load: load.clone(), rounds: vec![], notes: vec![] };
        let mut lines = WAYS.map(line);
        for _ in 0..plan.rounds {
            let rounds = http::reads(&plan.folder, callers, plan.round, &WAYS.map(|(way, _)| way)).await?;
            for (line, round) in lines.iter_mut().zip(rounds) {
                line.rounds.push(round);
            }
        }
        report.lines.extend(lines);
        for (_, what) in &WAYS[1..] {
            report.ratio(what, OPEN, &load);
        }
    }
    Ok(report)
}
