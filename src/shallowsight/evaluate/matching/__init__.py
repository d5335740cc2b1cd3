"""Compare an answer with the true answer; docs/evaluation.md has the rules.

The form of the *true* answer chooses the rule: an option letter (`option`), yes or no (`yes_no`), a number (`number`),
any other text (`texts`). No rule may make a wrong answer right, so an answer that leaves a doubt is wrong.
"""
