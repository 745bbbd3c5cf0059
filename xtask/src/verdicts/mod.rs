//! Compares our validation with the API server's own code, on objects that are changed at random.
//!
//! The oracle is a Go program around `k8s.io/apiextensions-apiserver`; it loads the real CRDs. Where both accept an object,
//! they must also make the same of it: same fields pruned, same defaults filled in; and the core must be able to read it.

mod mutate;

use std::{
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use gatewright_core::{
    api::schema::{Channel, Decision, Node, validate},
    world::Object,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::crds;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many objects to compare
    #[arg(long, default_value_t = 100_000)]
    objects: u64,
    /// Where the random changes begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Differences that are shown before giving up.
const SHOWN_MAX: usize = 20;

/// Shows each difference and fails if there is one.
pub(crate) fn run(args: &Args) -> Result<()> {
    crds::run(&crds::Args {})?;
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let oracle = build(&root)?;
    let mut child = Command::new(oracle)
        .arg(root.join("../target/crds"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the oracle")?;
    let mut questions = BufWriter::new(child.stdin.take().context("the oracle's input is piped")?);
    let answers = BufReader::new(child.stdout.take().context("the oracle's output is piped")?);
    let (seed, objects) = (args.seed, args.objects);
    let asking = thread::spawn(move || -> Result<()> {
        for question in mutate::questions(seed).take(objects as usize) {
            serde_json::to_writer(
                &mut questions,
                &json!({ "channel": question.channel(), "object": question.object }),
            )?;
            questions.write_all(b"\n")?;
        }
        Ok(questions.flush()?)
    });
    let mut tally = Tally::default();
    for (question, answer) in mutate::questions(seed).take(objects as usize).zip(answers.lines()) {
        let answer = serde_json::from_str(&answer?).context("the oracle answers in JSON")?;
        tally.compare(&question, &answer);
        if tally.differences.len() >= SHOWN_MAX {
            child.kill()?;
            break;
        }
    }
    child.wait()?;
    // An oracle that was stopped reads no further, which is no news.
    let asked = asking.join().map_err(|_| anyhow::anyhow!("asking the oracle panicked"))?;
    if tally.differences.is_empty() {
        asked?;
        ensure!(tally.accepted + tally.rejected == objects, "the oracle stopped answering");
    }
    println!("{} objects accepted by both, {} rejected by both", tally.accepted, tally.rejected);
    match tally.differences.len() {
        0 => Ok(()),
        count => bail!("{count} differences:\n{}", tally.differences.join("\n\n")),
    }
}

/// Builds the oracle into `target/`.
fn build(root: &Path) -> Result<PathBuf> {
    let binary = root.join("../target/oracle");
    let status =
        Command::new("go").args(["build", "-o"]).arg(&binary).arg(".").current_dir(root.join("oracle")).status();
    ensure!(status.context("cannot run go: is Go installed?")?.success(), "cannot build the oracle");
    Ok(binary)
}

#[derive(Deserialize)]
struct Answer {
    errors: Vec<String>,
    object: Value,
}

#[derive(Default)]
struct Tally {
    accepted: u64,
    rejected: u64,
    differences: Vec<String>,
}

impl Tally {
    fn compare(&mut self, question: &mutate::Question, answer: &Answer) {
        let checked = validate(Node::from(question.object.clone()), question.channel);
        let ours = checked.decision == Decision::Accepted;
        let difference = if ours != answer.errors.is_empty() {
            let findings: Vec<_> = checked.findings.iter().map(ToString::to_string).collect();
            format!("ours   {findings:?}\n  theirs {:?}", answer.errors)
        } else if ours
            && let Some(place) = differing_place(&stored(checked.object.into()), &stored(answer.object.clone()))
        {
            place
        } else if ours && let Err(error) = Object::from_value(answer.object.clone()) {
            format!("cannot be read as a typed object: {error}")
        } else {
            *if ours { &mut self.accepted } else { &mut self.rejected } += 1;
            return;
        };
        self.differences.push(format!("{} {}\n  {difference}", question.channel(), question.object));
    }
}

/// The object with nothing empty in its metadata, where it means the same as nothing.
fn stored(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|_, value| ![json!({}), json!([]), json!(""), json!(0), json!(null)].contains(value));
    }
    object
}

/// Where two values differ first, and what stands there.
fn differing_place(ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(our_fields), Value::Object(their_fields)) => {
            let names = our_fields.keys().chain(their_fields.keys());
            let inside = |name: &String| Some(format!(".{name}{}", differing_place(&ours[name], &theirs[name])?));
            names.filter(|name| our_fields.get(*name) != their_fields.get(*name)).find_map(inside)
        }
        (Value::Array(our_items), Value::Array(their_items)) if our_items.len() == their_items.len() => our_items
            .iter()
            .zip(their_items)
            .find_map(|(ours, theirs)| Some(format!("[]{}", differing_place(ours, theirs)?))),
        _ => (ours != theirs).then(|| format!(": we store {ours}, they store {theirs}")),
    }
}

impl mutate::Question {
    fn channel(&self) -> &'static str {
        match self.channel {
            Channel::Standard => "standard",
            Channel::Experimental => "experimental",
        }
    }
}
