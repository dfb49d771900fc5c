//! DER, ITU-T X.690, as a tree.

use super::RandomSource;

/// The deepest nesting that is parsed. An encrypted PKCS#8 key has less.
const MAX_DEPTH: usize = 12;
const OCTET_STRING: u8 = 0x04;

#[derive(Clone)]
struct Element {
    tag: u8,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Bytes(Vec<u8>),
    Elements(Vec<Element>),
}

/// Changes the bytes or the tag of one element, removes it, repeats it, or replaces it with another one.
pub(super) fn change(der: &[u8], random: &mut dyn RandomSource) -> Option<Vec<u8>> {
    let mut elements = parse_all(der, MAX_DEPTH)?;
    let count = elements.iter().map(count).sum();
    let donor = nth(&elements, &mut random.below(count))?.clone();
    let mut at = random.below(count);
    change_nth(&mut elements, &mut at, &donor, random);
    Some(elements.iter().flat_map(write).collect())
}

fn change_nth(
    elements: &mut Vec<Element>,
    at: &mut usize,
    donor: &Element,
    random: &mut dyn RandomSource,
) {
    for n in 0..elements.len() {
        if *at == 0 {
            *at = usize::MAX;
            match random.below(8) {
                0 => drop(elements.remove(n)),
                1 => elements.insert(n, elements[n].clone()),
                2 => elements[n] = donor.clone(),
                3 => elements[n].tag = random.below(256).to_le_bytes()[0],
                _ => {
                    let bytes = random.change(elements[n].bytes());
                    elements[n].content = Content::Bytes(bytes);
                }
            }
            return;
        }
        *at -= 1;
        if let Content::Elements(inner) = &mut elements[n].content {
            change_nth(inner, at, donor, random);
            if *at == usize::MAX {
                return;
            }
        }
    }
}

fn nth<'a>(elements: &'a [Element], at: &mut usize) -> Option<&'a Element> {
    for element in elements {
        if *at == 0 {
            return Some(element);
        }
        *at -= 1;
        if let Content::Elements(inner) = &element.content
            && let Some(found) = nth(inner, at)
        {
            return Some(found);
        }
    }
    None
}

fn count(element: &Element) -> usize {
    match &element.content {
        Content::Bytes(_) => 1,
        Content::Elements(inner) => 1 + inner.iter().map(count).sum::<usize>(),
    }
}

/// Parses `der` as a sequence of elements; `None` if it is not DER.
fn parse_all(mut der: &[u8], depth: usize) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    while let Some((&tag, rest)) = der.split_first() {
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        let holds = depth > 0 && (tag & 0x20 != 0 || tag == OCTET_STRING);
        let inner = holds.then(|| parse_all(content, depth - 1)).flatten();
        let inner = inner.filter(|inner| !inner.is_empty());
        let content = inner.map_or_else(|| Content::Bytes(content.to_vec()), Content::Elements);
        elements.push(Element { tag, content });
        der = rest;
    }
    Some(elements)
}

/// Parses a length, X.690 section 8.1.3.
fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = der.split_first()?;
    if first < 0x80 {
        return Some((first.into(), rest));
    }
    let (size, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    if !(1..=4).contains(&size.len()) {
        return None;
    }
    let length = size
        .iter()
        .fold(0, |length, &byte| length << 8 | usize::from(byte));
    Some((length, rest))
}

impl Element {
    fn bytes(&self) -> Vec<u8> {
        match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Elements(inner) => inner.iter().flat_map(write).collect(),
        }
    }
}

fn write(element: &Element) -> Vec<u8> {
    let content = element.bytes();
    let size = content.len().to_be_bytes();
    let size = &size[size.iter().take_while(|&&byte| byte == 0).count()..];
    let mut der = vec![element.tag];
    match size {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            der.push(0x80 | long.len().to_le_bytes()[0]);
            der.extend_from_slice(long);
        }
    }
    der.extend(content);
    der
}
