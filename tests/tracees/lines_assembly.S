/* A function that only an assembler knows. */
	.text
	.globl in_assembly
	.type in_assembly, @function
in_assembly:
	mov %rdi, %rax
	add $1, %rax /* here: assembly */
	ret
	.size in_assembly, . - in_assembly
	.section .note.GNU-stack, "", @progbits
