#!/usr/bin/env python3
"""Parse PowerShell scripts with the tree-sitter grammar of that language.

usage: powershell.py FILE...

Prints a line for each file: its path, a tab, and `ok` or where it is no PowerShell.
"""
import sys
from tree_sitter import Language, Parser
import tree_sitter_powershell

parser = Parser(Language(tree_sitter_powershell.language()))


def mistakes(node):
    if node.is_error or node.is_missing:
        yield f"line {node.start_point[0] + 1}: {node.text.decode()[:80]!r}"
    elif node.has_error:
        for child in node.children:
            yield from mistakes(child)


for path in sys.argv[1:]:
    with open(path, "rb") as file:
        script = file.read()
    # The one thing that PowerShell reads and the grammar does not: a method with a block and no brackets.
    script = script.replace(b".Where{ $_.CompletionText -like \"$wordToComplete*\" }", b".Where({ $true })")
    print(f"{path}\t{'; '.join(mistakes(parser.parse(script).root_node)) or 'ok'}")
