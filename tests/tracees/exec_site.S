# Announces itself by getpgid, then has a syscall instruction at `site` that it never reaches by itself.
        .globl  main, site, path, args, after
        .text
main:
        sub     $8, %rsp
        mov     $121, %eax
        mov     $0x7e570001, %edi
        syscall
        xor     %eax, %eax
        add     $8, %rsp
        ret
        nop
site:
        syscall
after:
        ud2

        .data
path:   .asciz  "/bin/true"
        .balign 8
args:   .quad   0

        .section .note.GNU-stack, "", @progbits
