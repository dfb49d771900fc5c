"""Measures how the Rust code reads, and prints a table in Markdown.

Usage: measure.py [FOLDER…], one column for each checkout, such as one before and one after a change;
by default the repository that holds this script. Nothing is built: the figures come from the text of
the files. docs/testing.md says what each row counts.
"""

import re
import statistics
import sys
from collections import namedtuple
from pathlib import Path

# The words that a doc comment does not open with.
OPENINGS = {"what", "who", "whether", "how", "where"}
# Words of the old dialect, and the expression that finds each.
DIALECT = {
    "tell, tells, told": r"\b(tells?|told)\b",
    "kept": r"\bkept\b",
    "nobody, somebody, whoever": r"\b(nobody|somebody|whoever)\b",
}
LONG_FUNCTION, LONG_FILE = 40, 300

# A file: its text, the text with comments, strings and characters blanked, and the numbers of the lines
# that only tests have.
File = namedtuple("File", "path text code test_lines")

# Comments, strings (raw ones first) and characters. A lifetime is none of them.
TOKENS = re.compile(
    r"""
      //[^\n]*
    | /\*.*?\*/
    | b?r(?P<hashes>\#*)".*?"(?P=hashes)
    | b?c?"(?:\\.|[^"\\])*"
    | b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\\n])'
    """,
    re.DOTALL | re.VERBOSE,
)


def main(folders):
    columns = [measure(folder) for folder in folders]
    print("| measured |", " | ".join(folder.name for folder in folders), "|")
    print("|---" * (1 + len(folders)) + "|")
    for name in columns[-1]:
        print("|", " | ".join([name, *(str(column.get(name, "–")) for column in columns)]), "|")


def measure(root):
    files = [read(path) for path in rust_files(root)]
    source = without_test_files([file for file in files if is_source(root, file.path)])
    return dict(
        [
            *comments(files),
            *circles(root, source),
            ("shared test code by `#[path]`", sum(file.code.count("#[path") for file in files)),
            *sizes(source),
        ]
    )


# Files


def rust_files(root):
    """All Rust files, those of build output apart."""
    return sorted(
        path
        for path in root.rglob("*.rs")
        if not {"target", ".git"} & set(path.relative_to(root).parts)
    )


def is_source(root, path):
    """True for the source of a published crate: not for tests, benchmarks and examples."""
    parts = path.relative_to(root).parts
    return parts[0] == "crates" and parts[2] == "src"


def read(path):
    text = path.read_text()
    code = TOKENS.sub(blank, text)
    return File(path, text, code, test_lines(code))


def blank(match):
    """As many characters and lines, and nothing in them."""
    return re.sub(r"[^\n]", " ", match.group())


def test_lines(code):
    """The numbers, from 0, of the lines of items under `#[cfg(test)]`."""
    lines = set()
    for match in re.finditer(r"#\[cfg\((?:all\()?test\b[^\]]*\]", code):
        first = code.count("\n", 0, match.start())
        last = code.count("\n", 0, end_of_item(code, match.end()))
        lines.update(range(first, last + 1))
    return lines


def end_of_item(code, start):
    """The place of the semicolon, or of the closing brace, that ends an item."""
    end = end_of_signature(code, start)
    return closing_brace(code, end) if code[end] == "{" else end


def end_of_signature(code, start):
    """The place of the first semicolon or opening brace that no parenthesis or bracket holds."""
    depth = 0
    for mark in re.compile(r"[()\[\];{]").finditer(code, start):
        if mark.group() in ";{" and depth == 0:
            return mark.start()
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(mark.group(), 0)
    return len(code) - 1


def closing_brace(code, opening):
    depth = 0
    for brace in re.compile(r"[{}]").finditer(code, opening):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.start()
    return len(code) - 1


def without_test_files(source):
    """Leaves out `tests.rs`, what is under `tests/`, and the files of modules under `#[cfg(test)]`."""
    test_files = set()
    for file in source:
        for match in re.finditer(r"#\[cfg\(test\)\]\s*(?:pub\S*\s+)?mod\s+(\w+);", file.code):
            folder = file.path.parent
            if file.path.name not in ("lib.rs", "main.rs"):
                folder = file.path.with_suffix("")
            test_files.add(folder / match.group(1))

    def is_test(path):
        return (
            path.name == "tests.rs"
            or "tests" in path.parts[path.parts.index("src") :]
            or any(parent in test_files for parent in (path.with_suffix(""), *path.parents))
        )

    return [file for file in source if not is_test(file.path)]


# Comments


def comments(files):
    """Doc comments by their first word, and comment lines in the old dialect."""
    opened = [first_word(block) for file in files for block in doc_comments(file.text)]
    odd = sum(word in OPENINGS for word in opened)
    yield (
        "doc comments that open with What/Who/Whether/How/Where",
        f"{odd} of {len(opened)}, {100 * odd / len(opened):.1f} %",
    )
    lines = [line for file in files for line in file.text.splitlines() if is_comment(line)]
    for words, expression in DIALECT.items():
        found = sum(bool(re.search(expression, line, re.IGNORECASE)) for line in lines)
        yield f"comment lines with {words}", found
    yield "comment lines", len(lines)


def is_comment(line):
    return line.lstrip().startswith("//")


def doc_comments(text):
    """Each run of lines that begin with `///`, or with `//!`."""
    return re.findall(r"^(?:[ \t]*///.*\n)+|^(?:[ \t]*//!.*\n)+", text, re.MULTILINE)


def first_word(block):
    words = re.findall(r"\w+", block)
    return words[0].lower() if words else ""


# Circles


def circles(root, source):
    """For each crate its circles between top-level modules."""
    for crate in sorted({crate_of(root, file.path) for file in source}):
        files = [file for file in source if crate_of(root, file.path) == crate]
        imports = top_level_imports(root / "crates" / crate / "src", files)
        found = strongly_connected(imports)
        largest = max(map(len, found), default=0)
        shown = "; ".join(" ↔ ".join(circle) for circle in found if len(circle) <= 5)
        cell = f"{len(found)}, the largest of {largest} of {len(imports)} modules" if found else "0"
        yield f"circles in `{crate}`", f"{cell}: {shown}" if shown else cell


def crate_of(root, path):
    return path.relative_to(root).parts[1]


def top_level_imports(folder, files):
    """Which top-level modules each top-level module names by `crate::` or `super::`."""
    modules = {module_path(folder, file)[0] for file in files if module_path(folder, file)}
    exported = exports(folder, files)
    imports = {module: set() for module in modules}
    for file in files:
        inside = module_path(folder, file)
        if not inside:
            continue
        for path in named_paths(live_code(file), inside):
            target = exported.get(path[0], path[0])
            if target in modules and target != inside[0]:
                imports[inside[0]].add(target)
    return imports


def module_path(folder, file):
    """The names of a file's module, none for the crate's root."""
    parts = file.path.relative_to(folder).with_suffix("").parts
    return [] if parts in (("lib",), ("main",)) else list(parts)


def exports(folder, files):
    """The names that the crate's root passes on, with the module that each comes from."""
    exported = {}
    for file in files:
        if not module_path(folder, file):
            for path in re.findall(r"\bpub(?:\([^)]*\))?\s+use\s+([^;]+);", live_code(file)):
                for names in expand(path):
                    names = names[1:] if names[0] in ("self", "crate") else names
                    exported[names[-1]] = names[0]
    return exported


def live_code(file):
    lines = file.code.split("\n")
    return "\n".join("" if at in file.test_lines else line for at, line in enumerate(lines))


def named_paths(code, inside):
    """All paths from the crate's root that a file names."""
    for path in re.findall(r"\buse\s+([^;]+);", code):
        for names in expand(path):
            yield from from_root(names, inside)
    for path in re.findall(r"\b((?:crate|super)(?:::\w+)+)", code):
        yield from from_root(path.split("::"), inside)


def from_root(names, inside):
    depth = len(inside)
    if names[0] == "crate":
        names, depth = names[1:], 0
    else:
        if names[0] != "super":
            return
        while names and names[0] == "super":
            names, depth = names[1:], depth - 1
    names = inside[:depth] + names
    if names:
        yield names


def expand(tree):
    """The paths of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`."""
    tree = re.sub(r"\s+as\s+\w+", "", tree).strip()
    head, brace, rest = tree.partition("{")
    names = [name.strip() for name in head.split("::") if name.strip()]
    if not brace:
        return [names] if names else []
    return [names + path for branch in branches(rest) for path in expand(branch)]


def branches(text):
    """The parts between the commas of a brace, up to its end."""
    depth, start = 0, 0
    for at, character in enumerate(text):
        if character in ",}" and depth == 0:
            if text[start:at].strip():
                yield text[start:at]
            start = at + 1
            if character == "}":
                return
        depth += {"{": 1, "}": -1}.get(character, 0)


def strongly_connected(graph):
    """The circles of a graph: its components of more than one node, largest first."""
    reach = {node: reachable(graph, node) for node in graph}
    components = {
        frozenset(other for other in reach[node] if node in reach[other]) for node in graph
    }
    circles = (sorted(one) for one in components if len(one) > 1)
    return sorted(circles, key=lambda circle: (-len(circle), circle))


def reachable(graph, start):
    seen, todo = set(), [start]
    while todo:
        for node in graph[todo.pop()]:
            if node not in seen:
                seen.add(node)
                todo.append(node)
    return seen


# Sizes


def sizes(source):
    """Lines, long functions and long files of the source, tests apart."""
    lengths = {file.path: len(file.text.splitlines()) - len(file.test_lines) for file in source}
    code = sum(map(code_lines, source))
    functions = [length for file in source for length in function_lengths(file)]
    yield "files of source, tests apart", len(source)
    yield "lines of source, tests apart", sum(lengths.values())
    yield "of these neither blank nor a comment", code
    yield "functions", f"{len(functions)}, their median {statistics.median(functions):.0f} lines"
    yield f"functions of more than {LONG_FUNCTION} lines", sum(n > LONG_FUNCTION for n in functions)
    yield "longest function, in lines", max(functions, default=0)
    yield f"files of more than {LONG_FILE} lines", sum(n > LONG_FILE for n in lengths.values())


def code_lines(file):
    return sum(bool(line.strip()) for line in live_code(file).split("\n"))


def function_lengths(file):
    """The lines of each function that has a body, from `fn` to the closing brace."""
    code = live_code(file)
    for match in re.finditer(r"\bfn\s+\w+", code):
        end = end_of_signature(code, match.end())
        if code[end] == "{":
            yield 1 + code.count("\n", match.start(), closing_brace(code, end))


if __name__ == "__main__":
    main([Path(given).resolve() for given in sys.argv[1:]] or [Path(__file__).resolve().parents[1]])
