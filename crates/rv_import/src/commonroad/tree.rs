//! XML as a tree of elements, with limits on everything.

use std::io::Read;

use flate2::read::GzDecoder;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::CommonRoadError;

/// Largest document, unpacked.
const BYTES_MAX: u64 = 256 << 20;
/// Most elements in a document.
const ELEMENTS_MAX: usize = 8_000_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;

/// An element with its attributes, children and text.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// An attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.0 == name).map(|a| a.1.as_str())
    }

    /// An attribute as a whole number.
    pub(super) fn id(&self, name: &str) -> Result<i64, CommonRoadError> {
        let text = self.attribute(name).ok_or_else(|| self.missing(name))?;
        text.trim().parse().map_err(|_| CommonRoadError::Value {
            element: self.name.clone(),
            value: shorten(text),
            expected: "a whole number",
        })
    }

    /// The text as a finite number.
    pub(super) fn number(&self) -> Result<f64, CommonRoadError> {
        let number: Option<f64> = self.text.trim().parse().ok();
        number.filter(|x| x.is_finite()).ok_or_else(|| CommonRoadError::Value {
            element: self.name.clone(),
            value: shorten(&self.text),
            expected: "a finite number",
        })
    }

    /// A child that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&Element, CommonRoadError> {
        self.child(name).ok_or_else(|| self.missing(name))
    }

    fn missing(&self, what: &str) -> CommonRoadError {
        CommonRoadError::Missing { element: self.name.clone(), what: what.to_owned() }
    }
}

fn shorten(text: &str) -> String {
    text.trim().chars().take(40).collect()
}

/// Reads a document, packed with gzip or not.
pub(super) fn read(mut input: impl Read) -> Result<Element, CommonRoadError> {
    let mut bytes = Vec::new();
    input.by_ref().take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(CommonRoadError::Read)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let mut unpacker = GzDecoder::new(&bytes[..]).take(BYTES_MAX + 1);
        unpacker.read_to_end(&mut plain).map_err(CommonRoadError::Read)?;
        bytes = plain;
    }
    if bytes.len() as u64 > BYTES_MAX {
        return Err(CommonRoadError::TooLarge { what: "bytes", limit: BYTES_MAX });
    }
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Element, CommonRoadError> {
    let mut reader = Reader::from_reader(bytes);
    let mut open: Vec<Element> = Vec::new();
    let mut n_elements = 0_usize;
    let fault = |at_byte: u64, message: String| CommonRoadError::Xml { at_byte, message };
    loop {
        let event = reader.read_event();
        let at_byte = reader.buffer_position();
        match event.map_err(|e| fault(at_byte, e.to_string()))? {
            Event::Start(tag) => {
                n_elements += 1;
                if n_elements > ELEMENTS_MAX {
                    let limit = ELEMENTS_MAX as u64;
                    return Err(CommonRoadError::TooLarge { what: "elements", limit });
                }
                if open.len() >= DEPTH_MAX {
                    let limit = DEPTH_MAX as u64;
                    return Err(CommonRoadError::TooLarge { what: "nested elements", limit });
                }
                open.push(element(&tag).map_err(|m| fault(at_byte, m))?);
            }
            Event::Empty(tag) => {
                let done = element(&tag).map_err(|m| fault(at_byte, m))?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => return Ok(done),
                }
            }
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    let text = text.decode().map_err(|e| fault(at_byte, e.to_string()))?;
                    element.text.push_str(&text);
                }
            }
            Event::End(_) => {
                let Some(done) = open.pop() else {
                    return Err(fault(at_byte, "an end tag without its start".to_owned()));
                };
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => return Ok(done),
                }
            }
            Event::Eof => return Err(CommonRoadError::Truncated { at_byte }),
            _ => {}
        }
    }
}

fn element(tag: &BytesStart<'_>) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let value = attribute.unescape_value().map_err(|e| e.to_string())?.into_owned();
        attributes.push((name, value));
    }
    let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
    Ok(Element { name, attributes, ..Element::default() })
}
