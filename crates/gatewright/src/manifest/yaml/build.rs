//! Parser events become values.

use std::{borrow::Cow, collections::HashMap};

use gatewright_core::api::schema::{Entry, Map, Node, Position, Value};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::{SyntaxError, scalar};

/// Nesting of lists and maps. The API's deepest kinds nest a dozen levels; what follows walks values recursively.
const DEPTH_MAX: usize = 64;

/// What all aliases of a document together may repeat, in bytes of text and nodes. An API server takes no object over
/// 1.5 MiB, so nothing that could be applied needs more, and a few nested anchors cannot exhaust memory.
const ALIAS_WEIGHT_MAX: usize = 1_536 * 1_024;

/// Reads everything in `text`.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, SyntaxError> {
    let mut builder =
        Builder { parser: Parser::new_from_str(text), depth: 0, anchors: HashMap::new(), alias_weight: 0 };
    let mut documents = Vec::new();
    loop {
        match builder.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::DocumentStart(_), _) => {
                let first = builder.next()?;
                documents.push(builder.node(first)?);
            }
            _ => {}
        }
    }
}

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    depth: usize,
    /// By the parser's number for them; 0 is no anchor. With the weight of each.
    anchors: HashMap<usize, (Node, usize)>,
    alias_weight: usize,
}

type Positioned<'t> = (Event<'t>, Position);

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<Positioned<'t>, SyntaxError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, Self::position(span.start))),
            Some(Err(error)) => {
                Err(SyntaxError { at: Self::position(*error.marker()), message: error.info().to_owned() })
            }
            None => Ok((Event::StreamEnd, Position::default())),
        }
    }

    fn position(marker: Marker) -> Position {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position { line: count(marker.line()), column: count(marker.col()).saturating_add(1) }
    }

    /// Builds the node that begins with `event`.
    fn node(&mut self, (event, at): Positioned<'t>) -> Result<Node, SyntaxError> {
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => (value_of(text, style, tag.as_deref(), at)?, anchor),
            Event::SequenceStart(anchor, _) => (self.nested(at, Self::list)?, anchor),
            Event::MappingStart(anchor, _) => (self.nested(at, Self::map)?, anchor),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => (Value::Null, 0),
        };
        let node = Node::new(value, at);
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), weight(&node)));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<Node, SyntaxError> {
        let Some((node, weight)) = self.anchors.get(&anchor) else {
            return Err(error(at, "an alias inside the very value that it names"));
        };
        self.alias_weight = self.alias_weight.saturating_add(*weight);
        if self.alias_weight > ALIAS_WEIGHT_MAX {
            return Err(error(at, "the aliases of this document repeat more than 1.5 MiB"));
        }
        Ok(node.clone())
    }

    fn nested(
        &mut self,
        at: Position,
        build: fn(&mut Self) -> Result<Value, SyntaxError>,
    ) -> Result<Value, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(error(at, "nested deeper than 64 levels"));
        }
        let value = build(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                item => items.push(self.node(item)?),
            }
        }
    }

    fn map(&mut self) -> Result<Value, SyntaxError> {
        let mut map = Map::default();
        let mut merged = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node((event, at))?;
            let first = self.next()?;
            let node = self.node(first)?;
            if merge {
                merged.push(node);
            } else {
                map.push(key_text(&key)?, key.at, node);
            }
        }
        for node in merged {
            merge(&mut map, node)?;
        }
        Ok(Value::Map(map))
    }
}

/// Adds the fields of `<<: *map` or `<<: [*a, *b]` that are not there yet (<https://yaml.org/type/merge.html>).
fn merge(map: &mut Map, from: Node) -> Result<(), SyntaxError> {
    let at = from.at;
    match from.value {
        Value::Map(other) => {
            for Entry { key, key_at, node } in other.entries {
                if map.get(&key).is_none() {
                    map.push(key, key_at, node);
                }
            }
            Ok(())
        }
        Value::List(items) if items.iter().all(|item| item.as_map().is_some()) => {
            items.into_iter().try_for_each(|item| merge(map, item))
        }
        Value::List(_) | Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {
            Err(error(at, "`<<` takes a map or a list of maps"))
        }
    }
}

/// Returns the name of a field; scalars other than strings are written out, as Kubernetes' reader does.
fn key_text(key: &Node) -> Result<String, SyntaxError> {
    match &key.value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Bool(bit) => Ok(bit.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => Err(error(key.at, "a field's name must be text")),
    }
}

fn value_of(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Value, SyntaxError> {
    let value = match tag {
        None if style == ScalarStyle::Plain => scalar::resolve(&text),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix != "str" => tagged(&tag.suffix, scalar::resolve(&text))
            .ok_or_else(|| error(at, format!("`{text}` is no !!{}", tag.suffix)))?,
        None | Some(_) => Value::String(text.into_owned()),
    };
    match value {
        Value::Float(number) if !number.is_finite() => Err(error(at, "JSON has no such number")),
        value => Ok(value),
    }
}

/// Returns `value` if it is what the tag of YAML's core schema says.
fn tagged(tag: &str, value: Value) -> Option<Value> {
    match (tag, value) {
        ("int", value @ Value::Integer(_))
        | ("float", value @ Value::Float(_))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null) => Some(value),
        ("float", Value::Integer(number)) => Some(Value::Float(number as f64)),
        _ => None,
    }
}

/// Returns the number of nodes and bytes of text that a copy of `node` takes.
fn weight(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => 0,
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Map(map) => map.entries.iter().map(|entry| entry.key.len() + weight(&entry.node)).sum(),
    }
}

fn error(at: Position, message: impl Into<String>) -> SyntaxError {
    SyntaxError { at, message: message.into() }
}
