# A 64-bit program that enters the kernel through int $0x80: announces itself by getpgid there, asks for its pid both ways, and
# exits with 0 if they agree, 1 otherwise.
        .globl  main
        .text
main:
        mov     $132, %eax
        mov     $0x7e570001, %ebx
        int     $0x80
        mov     $20, %eax
        int     $0x80
        mov     %eax, %r12d
        mov     $39, %eax
        syscall
        xor     %edi, %edi
        cmp     %eax, %r12d
        setne   %dil
        mov     $231, %eax
        syscall

        .section .note.GNU-stack, "", @progbits
