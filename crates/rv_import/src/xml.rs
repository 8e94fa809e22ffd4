//! XML as a tree of elements, with limits.

use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Most bytes of a document, unpacked.
const BYTES_MAX: usize = 256 << 20;
/// Most elements of a document.
const ELEMENTS_MAX: usize = 8_000_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;

/// Why bytes are no tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("broken near byte {at_byte}: {what}")]
    Syntax { at_byte: u64, what: String },
    #[error("more than {limit} {what}")]
    TooLarge { what: &'static str, limit: usize },
}

/// An element.
#[derive(Clone, Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    /// The text directly inside, without that of children.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A finite number, if the attribute is one.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.attribute(name)?.trim().parse::<f64>().ok().filter(|value| value.is_finite())
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.trim().parse().ok()
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The value of an OpenStreetMap tag.
    pub(crate) fn tag(&self, key: &str) -> Option<&str> {
        self.all("tag").find(|tag| tag.attribute("k") == Some(key))?.attribute("v")
    }
}

/// Reads a document, plain or gzipped; the root is the first element.
pub(crate) fn parse_packed(bytes: &[u8]) -> Result<Element, XmlError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return parse(bytes);
    }
    let mut plain = Vec::new();
    let limit = BYTES_MAX as u64 + 1;
    let read = flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut plain);
    read.map_err(|error| XmlError::Syntax { at_byte: 0, what: error.to_string() })?;
    parse(&plain)
}

/// Reads a document; the root is the first element.
fn parse(bytes: &[u8]) -> Result<Element, XmlError> {
    if bytes.len() > BYTES_MAX {
        return Err(XmlError::TooLarge { what: "bytes", limit: BYTES_MAX });
    }
    let mut reader = Reader::from_reader(bytes);
    let mut open = vec![Element::default()];
    let mut n_elements = 0;
    let mut buffer = Vec::new();
    loop {
        let at_byte = reader.buffer_position();
        let syntax = |what: String| XmlError::Syntax { at_byte, what };
        match reader.read_event_into(&mut buffer).map_err(|e| syntax(e.to_string()))? {
            event @ (Event::Start(_) | Event::Empty(_)) => {
                n_elements += 1;
                if n_elements > ELEMENTS_MAX {
                    return Err(XmlError::TooLarge { what: "elements", limit: ELEMENTS_MAX });
                }
                let is_empty = matches!(event, Event::Empty(_));
                let (Event::Start(start) | Event::Empty(start)) = event else { continue };
                let element = element(&start).map_err(syntax)?;
                if is_empty {
                    open.last_mut().expect("the document stays open").children.push(element);
                } else if open.len() > DEPTH_MAX {
                    return Err(XmlError::TooLarge { what: "levels", limit: DEPTH_MAX });
                } else {
                    open.push(element);
                }
            }
            Event::End(_) if open.len() > 1 => {
                let done = open.pop().expect("more than one is open");
                open.last_mut().expect("one is left").children.push(done);
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|e| syntax(e.to_string()))?;
                open.last_mut().expect("the document stays open").text.push_str(text.trim());
            }
            Event::CData(text) => {
                let text = String::from_utf8_lossy(&text);
                open.last_mut().expect("the document stays open").text.push_str(text.trim());
            }
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    if open.len() != 1 {
        let what = "the document ends inside an element".to_owned();
        return Err(XmlError::Syntax { at_byte: bytes.len() as u64, what });
    }
    let document = open.pop().expect("the document itself");
    document
        .children
        .into_iter()
        .next()
        .ok_or(XmlError::Syntax { at_byte: 0, what: "there is no element".to_owned() })
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
    Ok(Element { name, attributes, ..Element::default() })
}
