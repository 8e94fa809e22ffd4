//! A small tree of XML elements, with limits.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::LaneImportError;

/// Most bytes of a lane map, unpacked.
const BYTES_MAX: usize = 256 << 20;
/// Most elements of a lane map.
const ELEMENTS_MAX: usize = 8_000_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;

/// An element, without its text.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A finite number, if the attribute is one.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.attribute(name)?.trim().parse::<f64>().ok().filter(|value| value.is_finite())
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.trim().parse().ok()
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The value of an OpenStreetMap tag.
    pub(super) fn tag(&self, key: &str) -> Option<&str> {
        self.all("tag").find(|tag| tag.attribute("k") == Some(key))?.attribute("v")
    }
}

/// Reads a document; the root is the first element.
pub(super) fn parse(bytes: &[u8]) -> Result<Element, LaneImportError> {
    if bytes.len() > BYTES_MAX {
        return Err(LaneImportError::TooLarge { what: "bytes", limit: BYTES_MAX });
    }
    let mut reader = Reader::from_reader(bytes);
    let mut open = vec![Element::default()];
    let mut n_elements = 0;
    let mut buffer = Vec::new();
    loop {
        let at_byte = reader.buffer_position();
        let syntax = |what: String| LaneImportError::Syntax { at_byte, what };
        match reader.read_event_into(&mut buffer).map_err(|e| syntax(e.to_string()))? {
            event @ (Event::Start(_) | Event::Empty(_)) => {
                n_elements += 1;
                if n_elements > ELEMENTS_MAX {
                    return Err(LaneImportError::TooLarge {
                        what: "elements",
                        limit: ELEMENTS_MAX,
                    });
                }
                let is_empty = matches!(event, Event::Empty(_));
                let (Event::Start(start) | Event::Empty(start)) = event else { continue };
                let element = element(&start).map_err(syntax)?;
                if is_empty {
                    open.last_mut().expect("the document stays open").children.push(element);
                } else if open.len() > DEPTH_MAX {
                    return Err(LaneImportError::TooLarge { what: "levels", limit: DEPTH_MAX });
                } else {
                    open.push(element);
                }
            }
            Event::End(_) if open.len() > 1 => {
                let done = open.pop().expect("more than one is open");
                open.last_mut().expect("one is left").children.push(done);
            }
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    if open.len() != 1 {
        let what = "the document ends inside an element".to_owned();
        return Err(LaneImportError::Syntax { at_byte: bytes.len() as u64, what });
    }
    let document = open.pop().expect("the document itself");
    document
        .children
        .into_iter()
        .next()
        .ok_or(LaneImportError::Syntax { at_byte: 0, what: "there is no element".to_owned() })
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let value = attribute.unescape_value().map_err(|e| e.to_string())?.into_owned();
        attributes.push((key, value));
    }
    Ok(Element { name, attributes, children: Vec::new() })
}
