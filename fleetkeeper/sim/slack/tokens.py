"""The app's tokens, and what becomes of them."""

from dataclasses import dataclass, field

from fleetkeeper.sim.slack.values import ApiError, Token, TokenState

APP_SCOPES = frozenset({"connections:write"})
"""Of an app-level token, which is made beside the manifest (docs.slack.dev/apis/events-api/using-socket-mode)."""


@dataclass(slots=True)
class Tokens:
    """Those that were ever given out, by their text. bot and app: those that are in use now."""

    scopes: frozenset[str]
    known: dict[str, Token] = field(init=False, repr=False, default_factory=dict)
    bot: str = field(init=False, repr=False)
    app: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.bot, self.app = self.give("xoxb-sim", self.scopes), self.give("xapp-sim", APP_SCOPES)

    def give(self, kind: str, scopes: frozenset[str]) -> str:
        text = f"{kind}-{len(self.known) + 1}-not-a-secret"
        self.known[text] = Token(text, scopes)
        return text

    def rotate_bot(self) -> str:
        """A new one; the old one is then unknown to Slack."""
        self.spoil(TokenState.REPLACED)
        self.bot = self.give("xoxb-sim", self.scopes)
        return self.bot

    def rotate_app(self) -> str:
        self.known[self.app].state = TokenState.REPLACED
        self.app = self.give("xapp-sim", APP_SCOPES)
        return self.app

    def spoil(self, state: TokenState) -> None:
        """What becomes of the bot's token."""
        self.known[self.bot].state = state

    def allow(self, *scopes: str) -> None:
        """The app was installed again with these scopes of a bot, no more and no less; the token stays the same."""
        self.scopes = frozenset(scopes)
        self.known[self.bot].scopes = self.scopes

    def check(self, text: str) -> Token:
        """ApiError not_authed, invalid_auth, token_revoked, token_expired or account_inactive."""
        if not text:
            raise ApiError("not_authed")
        token = self.known.get(text)
        if token is None:
            raise ApiError("invalid_auth")
        if token.state != TokenState.LIVE:
            raise ApiError(token.state.value)
        return token
