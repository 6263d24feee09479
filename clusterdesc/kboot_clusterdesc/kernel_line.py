"""What a description puts on the kernel line, in the OS in memory and in the installed one."""

from __future__ import annotations

from pydantic import Field
from typing_extensions import Annotated  # noqa: UP035 - pydantic reads this one on every Python

from .part import Part

USUAL_CONSOLES = ("tty0", "ttyS0,115200n8")
# No blank, quote or sign that iPXE, pxelinux or GRUB would read as one of their own.
KernelArg = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.,:=/@%+~!*()-]{0,255}$")]
Console = Annotated[str, Field(pattern=r"^(tty|hvc)[A-Za-z0-9]{1,16}(,[0-9]{2,7}([noe][78]?r?)?)?$")]


class KernelLine(Part):
    """The keys of it, at `os` and at a node; None where they are not written, and what is written there is all."""

    kernel_args: tuple[KernelArg, ...] | None = Field(default=None, max_length=64)
    console: tuple[Console, ...] | None = Field(default=None, max_length=8)

    def args_of(self, own: KernelLine | None) -> tuple[str, ...]:
        """Return the arguments of a machine whose own keys are `own`, where `self` has those of all machines."""
        said = own.kernel_args if own is not None else None
        return (self.kernel_args or ()) if said is None else said

    def consoles_of(self, own: KernelLine | None) -> tuple[str, ...] | None:
        """Return the consoles of that machine, the last of which is /dev/console; None where nothing is said."""
        said = own.console if own is not None else None
        return self.console if said is None else said

    def boot_arguments_of(self, own: KernelLine | None) -> str:
        """Return both as the kernel line of the OS in memory has them."""
        consoles = self.consoles_of(own)
        said = [f"console={each}" for each in (USUAL_CONSOLES if consoles is None else consoles)]
        return " ".join([*said, *self.args_of(own)])
