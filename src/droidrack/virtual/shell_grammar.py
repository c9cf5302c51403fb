"""The grammar of the in-process shell: text to syntax tree.

A subset of what mksh reads, chosen by one rule: what is understood means exactly what it means in
mksh, and everything else is a `SyntaxFault`. A shell that guesses would prove wrong quoting right.
Not understood: here-documents, background jobs, functions, `case`, arithmetic, arrays, `[[`,
backquotes, `$'…'`, brace and tilde expansion, parameter operators such as `${x:-y}`.
"""

import re

from droidrack.virtual.shell_syntax import (
    Command,
    For,
    Group,
    If,
    Incomplete,
    Parameter,
    Part,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Substitution,
    SyntaxFault,
    Text,
    While,
    Word,
)

_BLANKS = re.compile(r"(?:[ \t]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_PLAIN = re.compile(r"[^ \t\n\\'\"`$;&|<>(){}~*?\[#!]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9?#@*$!]")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_REDIRECT = re.compile(r"([0-9]?)(<<|<&|<>|>>|>&|>\||<|>)")
_DOUBLE_PLAIN = re.compile(r"[^\"\\$`]+")
_CLOSERS = frozenset({"then", "elif", "else", "fi", "do", "done", "}"})
_UNKNOWN_WORDS = frozenset({"case", "esac", "function", "select", "[[", "time", "coproc"})
_MAX_DEPTH = 50


class Parser:
    """Reads one text. `position` is where the next command starts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._depth = 0

    def script(self) -> Script:
        """The whole text."""
        script = self._list(frozenset())
        if self.position < len(self.text):
            raise self._unexpected()
        return script

    def next_line(self) -> Script | None:
        """The commands up to the next end of line; None at the end of the text."""
        self._skip_newlines()
        if self.position >= len(self.text):
            return None
        line = self._list(frozenset(), one_line=True)
        if self._peek() not in ("", "\n") and self._previous() != "\n":
            raise self._unexpected()
        return line

    # --- Lists ---

    def _list(self, closers: frozenset[str], *, one_line: bool = False) -> Script:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise SyntaxFault(f"syntax error: nested deeper than {_MAX_DEPTH}")
        steps: list[tuple[str, Pipeline]] = []
        condition = ""
        while True:
            self._skip_newlines() if not one_line or condition else self._skip_blanks()
            if not condition and self._at_list_end(closers):
                break
            steps.append((condition, self._pipeline()))
            self._skip_blanks()
            condition = self._separator()
            if one_line and self._previous() == "\n":
                break
            if not condition and self._previous() not in ";\n":
                break
        self._depth -= 1
        return Script(tuple(steps))

    def _separator(self) -> str:
        """Take `&&`, `||`, `;` or a line end; the condition for what follows."""
        for operator in ("&&", "||"):
            if self.text.startswith(operator, self.position):
                self.position += 2
                return operator
        if self._peek() == "&":
            raise SyntaxFault("syntax error: '&' (background job) is not understood")
        if self._peek() in (";", "\n") and not self.text.startswith(";;", self.position):
            self.position += 1
        return ""

    def _at_list_end(self, closers: frozenset[str]) -> bool:
        if self.position >= len(self.text):
            if closers:
                raise Incomplete(sorted(closers)[-1])
            return True
        if self._peek() == ")":
            if ")" not in closers:
                raise self._unexpected()
            return True
        return self._keyword() in closers or (not closers and self._peek() == "\n")

    def _pipeline(self) -> Pipeline:
        negated = self._keyword() == "!"
        if negated:
            self.position += 1
            self._skip_blanks()
        commands = [self._command()]
        while self._skip_blanks() == "|" and not self.text.startswith("||", self.position):
            self.position += 1
            self._skip_newlines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    # --- Commands ---

    def _command(self) -> Command:
        if self.position >= len(self.text):
            raise Incomplete("a command")
        keyword = self._keyword()
        if keyword in _CLOSERS or keyword in _UNKNOWN_WORDS:
            raise self._unexpected(keyword)
        if self._peek() == "(":
            return self._group("(", ")", subshell=True)
        if keyword == "{":
            return self._group("{", "}", subshell=False)
        if keyword == "if":
            return self._if()
        if keyword == "for":
            return self._for()
        if keyword in ("while", "until"):
            return self._while(keyword)
        return self._simple()

    def _group(self, opening: str, closing: str, *, subshell: bool) -> Group:
        if self.text.startswith("((", self.position):
            raise SyntaxFault("syntax error: '((' (arithmetic) is not understood")
        self.position += len(opening)
        script = self._list(frozenset({closing}))
        self.position += len(closing)
        return Group(script, subshell, self._redirects())

    def _if(self) -> If:
        branches: list[tuple[Script, Script]] = []
        self._take("if")
        while True:
            condition = self._list(frozenset({"then"}))
            self._take("then")
            branches.append((condition, self._list(frozenset({"elif", "else", "fi"}))))
            if self._keyword() != "elif":
                break
            self._take("elif")
        otherwise = None
        if self._keyword() == "else":
            self._take("else")
            otherwise = self._list(frozenset({"fi"}))
        self._take("fi")
        return If(tuple(branches), otherwise, self._redirects())

    def _for(self) -> For:
        self._take("for")
        self._skip_blanks()
        name = _NAME.match(self.text, self.position)
        if name is None:
            raise self._unexpected()
        self.position = name.end()
        self._skip_newlines()
        self._take("in")
        words = []
        while self._skip_blanks() not in (";", "\n"):
            words.append(self._word())
        self.position += 1
        self._skip_newlines()
        return For(name[0], tuple(words), self._body(), self._redirects())

    def _while(self, keyword: str) -> While:
        self._take(keyword)
        condition = self._list(frozenset({"do"}))
        return While(condition, self._body(), keyword == "until", self._redirects())

    def _body(self) -> Script:
        self._take("do")
        body = self._list(frozenset({"done"}))
        self._take("done")
        return body

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            char = self._skip_blanks()
            if not char or char in "\n;&|)":
                break
            if redirect := self._redirect():
                redirects.append(redirect)
            elif not words and (match := _ASSIGNMENT.match(self.text, self.position)):
                self.position = match.end()
                assignments.append((match[1], self._word(empty=True)))
            elif char == "(":
                raise SyntaxFault("syntax error: unexpected '('")
            else:
                words.append(self._word())
        if not (assignments or words or redirects):
            raise self._unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _redirects(self) -> tuple[Redirect, ...]:
        found = []
        while self._skip_blanks() and (redirect := self._redirect()):
            found.append(redirect)
        return tuple(found)

    def _redirect(self) -> Redirect | None:
        match = _REDIRECT.match(self.text, self.position)
        if match is None:
            return None
        op = {">|": ">"}.get(match[2], match[2])
        fd = int(match[1] or (0 if op.startswith("<") else 1))
        if op in ("<<", "<&", "<>") or fd > 2:
            raise SyntaxFault(f"syntax error: '{match[0]}' is not understood")
        self.position = match.end()
        self._skip_blanks()
        return Redirect(fd, op, self._word())

    # --- Words ---

    def _word(self, *, empty: bool = False) -> Word:
        parts: list[Part] = []
        while self.position < len(self.text):
            if plain := _PLAIN.match(self.text, self.position):
                self.position = plain.end()
                parts.append(Text(plain[0], quoted=False))
            elif not self._special(parts):
                break
        if not parts and not empty:
            raise Incomplete("a word") if not self._peek() else self._unexpected()
        return Word(_merged(parts))

    def _special(self, parts: list[Part]) -> bool:
        """Take what starts with a special character; False where the word ends."""
        char = self.text[self.position]
        if char in " \t\n;&|<>()":
            return False
        if char == "`":
            raise SyntaxFault("syntax error: '`' is not understood")
        if char == "~" and not parts:
            raise SyntaxFault("syntax error: '~' is not understood")
        if char == "{" and re.match(r"\{[^{}\s]*(,|\.\.)[^{}\s]*\}", self.text[self.position :]):
            raise SyntaxFault("syntax error: '{' (brace expansion) is not understood")
        if char == "'":
            parts.append(Text(self._until("'"), quoted=True))
        elif char == '"':
            self._double_quoted(parts)
        elif char == "\\":
            self._escape(parts)
        elif char == "$":
            parts.append(self._dollar(quoted=False))
        else:  # A character that is special in other places only.
            self.position += 1
            parts.append(Text(char, quoted=False))
        return True

    def _until(self, quote: str) -> str:
        end = self.text.find(quote, self.position + 1)
        if end < 0:
            raise Incomplete(quote)
        taken, self.position = self.text[self.position + 1 : end], end + 1
        return taken

    def _escape(self, parts: list[Part]) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        if not following:
            raise Incomplete("\n")
        self.position += 2
        if following != "\n":
            parts.append(Text(following, quoted=True))

    def _double_quoted(self, parts: list[Part]) -> None:
        self.position += 1
        parts.append(Text("", quoted=True))
        while (char := self._peek()) != '"':
            if not char:
                raise Incomplete('"')
            if plain := _DOUBLE_PLAIN.match(self.text, self.position):
                self.position = plain.end()
                parts.append(Text(plain[0], quoted=True))
            elif char == "`":
                raise SyntaxFault("syntax error: '`' is not understood")
            elif char == "$":
                parts.append(self._dollar(quoted=True))
            elif self.text[self.position + 1 : self.position + 2] in ("$", "`", '"', "\\", "\n"):
                self._escape(parts)
            else:
                self.position += 1
                parts.append(Text("\\", quoted=True))
        self.position += 1

    def _dollar(self, *, quoted: bool) -> Part:
        rest = self.text[self.position + 1 : self.position + 3]
        if rest == "((" or (rest[:1] == "'" and not quoted) or (rest[:1] == '"' and not quoted):
            raise SyntaxFault(f"syntax error: '${rest}' is not understood")
        if rest[:1] == "(":
            self.position += 2
            script = self._list(frozenset({")"}))
            self.position += 1
            return Substitution(script, quoted)
        braced = rest[:1] == "{"
        match = _PARAMETER.match(self.text, self.position + 1 + braced)
        if match is None:
            if braced:
                raise SyntaxFault("syntax error: '${' is not understood")
            self.position += 1
            return Text("$", quoted=True)
        self.position = match.end() + braced
        if braced and self.text[match.end() : self.position] != "}":
            raise SyntaxFault(f"syntax error: '${{{match[0]}' with an operator is not understood")
        return Parameter(match[0], quoted)

    # --- Small steps ---

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _previous(self) -> str:
        return self.text[self.position - 1 : self.position] or "\0"

    def _skip_blanks(self) -> str:
        """Skip blanks and a comment; the character that stands there now."""
        if blanks := _BLANKS.match(self.text, self.position):
            self.position = blanks.end()
        if comment := _COMMENT.match(self.text, self.position):
            self.position = comment.end()
        return self._peek()

    def _skip_newlines(self) -> None:
        while self._skip_blanks() == "\n":
            self.position += 1

    def _keyword(self) -> str:
        """The unquoted word at this place, if it could be a keyword."""
        match = re.compile(r"(?:[a-z]+|[{}!]|\[\[)(?=[\s;&|()<>]|$)").match(
            self.text, self.position
        )
        return match[0] if match else ""

    def _take(self, keyword: str) -> None:
        if self._keyword() != keyword:
            raise self._unexpected() if self._peek() else Incomplete(keyword)
        self.position += len(keyword)

    def _unexpected(self, what: str = "") -> SyntaxFault:
        return SyntaxFault(f"syntax error: unexpected '{what or self._peek() or 'end'}'")


def _merged(parts: list[Part]) -> tuple[Part, ...]:
    """Neighbouring texts of one kind become one."""
    merged: list[Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, Text) and isinstance(last, Text) and part.quoted == last.quoted:
            merged[-1] = Text(last.text + part.text, part.quoted)
        else:
            merged.append(part)
    return tuple(merged)
