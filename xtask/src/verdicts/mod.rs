//! Compares our validation with the API server's, on objects with every field changed in turn, and changed at random.
//!
//! The oracle is a Go program: one around `k8s.io/apiextensions-apiserver`, which loads the real CRDs and is fast, or one
//! that asks a running API server. Where both accept an object, they must also make the same of it: same fields pruned,
//! same defaults filled in; and the core must be able to read it. Beside a running API server `gatewright check` itself is asked.

mod check;
mod mutate;
mod sweep;

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
    /// Ask the API server of this kubeconfig, which has the CRDs of --channel, and `gatewright check`, instead of the packages
    #[arg(long, value_name = "KUBECONFIG", requires = "channel")]
    server: Option<PathBuf>,
    /// The network namespace in which the API server is reached
    #[arg(long, requires = "server")]
    netns: Option<String>,
    /// Only ask about this channel
    #[arg(long, value_enum)]
    channel: Option<AskedChannel>,
    /// Let this binary check instead of building one
    #[arg(long, value_name = "PATH", requires = "server")]
    gatewright: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AskedChannel {
    Standard,
    Experimental,
}

/// Fields of the metadata that are the API server's own.
const ADDED: [&str; 5] = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"];

/// Differences that are shown before giving up.
const SHOWN_MAX: usize = 20;

/// Shows each difference and fails if there is one.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut child = oracle(args)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("no oracle starts")?;
    let mut to_oracle = BufWriter::new(child.stdin.take().context("the oracle's input is piped")?);
    let answers = BufReader::new(child.stdout.take().context("the oracle's output is piped")?);
    let asked = questions(args);
    let asking = thread::spawn(move || -> Result<()> {
        for question in asked {
            let line = json!({ "channel": question.channel(), "object": question.object });
            serde_json::to_writer(&mut to_oracle, &line)?;
            to_oracle.write_all(b"\n")?;
        }
        Ok(to_oracle.flush()?)
    });
    let check = args.server.as_ref().map(|_| check::Check::new(args.gatewright.as_deref())).transpose()?;
    let mut tally = Tally { check, ..Tally::default() };
    for (question, answer) in questions(args).zip(answers.lines()) {
        let answer = serde_json::from_str(&answer?).context("the oracle answers in JSON")?;
        tally.compare(&question, &answer)?;
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
        ensure!(tally.accepted + tally.rejected == questions(args).count() as u64, "the oracle stopped answering");
    }
    println!("{} objects accepted by both, {} rejected by both", tally.accepted, tally.rejected);
    match tally.differences.len() {
        0 => Ok(()),
        count => bail!("{count} differences:\n{}", tally.differences.join("\n\n")),
    }
}

/// Every field in turn, then at random.
fn questions(args: &Args) -> impl Iterator<Item = mutate::Question> + use<> {
    let only = args.channel.map(|channel| match channel {
        AskedChannel::Standard => Channel::Standard,
        AskedChannel::Experimental => Channel::Experimental,
    });
    let all = sweep::questions().chain(mutate::questions(args.seed).take(args.objects as usize));
    all.filter(move |question| only.is_none_or(|channel| channel == question.channel))
}

/// Returns the command of the oracle that is to be asked.
fn oracle(args: &Args) -> Result<Command> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let Some(kubeconfig) = &args.server else {
        crds::run(&crds::Args {})?;
        let mut command = Command::new(build(&root, "oracle", ".")?);
        command.arg(root.join("../target/crds"));
        return Ok(command);
    };
    let program = build(&root, "oracle-server", "./server")?;
    let mut command = match &args.netns {
        None => Command::new(program),
        Some(name) => {
            let mut command = Command::new("nsenter");
            command.arg(format!("--net=/run/netns/{name}")).arg(program);
            command
        }
    };
    command.arg(kubeconfig);
    Ok(command)
}

/// Builds a program of the oracle's module into `target/`.
fn build(root: &Path, name: &str, package: &str) -> Result<PathBuf> {
    let binary = root.join("../target").join(name);
    let status =
        Command::new("go").args(["build", "-o"]).arg(&binary).arg(package).current_dir(root.join("oracle")).status();
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
    check: Option<check::Check>,
}

impl Tally {
    fn compare(&mut self, question: &mutate::Question, answer: &Answer) -> Result<()> {
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
        } else if let Some(check) = &self.check
            && check.accepts(question)? != ours
        {
            format!("gatewright check does not say what its own validation says: accepted is {ours}")
        } else {
            *if ours { &mut self.accepted } else { &mut self.rejected } += 1;
            return Ok(());
        };
        self.differences.push(format!("{} {}\n  {difference}", question.channel(), question.object));
        Ok(())
    }
}

/// The object with nothing empty in its metadata, where it means the same as nothing, and without what a server adds.
fn stored(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, value| {
            !ADDED.contains(&name.as_str()) && ![json!({}), json!([]), json!(""), json!(0), json!(null)].contains(value)
        });
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
