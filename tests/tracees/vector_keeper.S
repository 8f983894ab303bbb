# Fills registers with known values, announces itself by getpgid, and exits with 0 if all but rax, rcx and r11 (which any
# syscall changes) are as they were, 1 otherwise.
        .globl  main
        .text
main:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        sub     $8, %rsp
        mov     %rsp, saved_sp(%rip)
        movdqa  pattern(%rip), %xmm0
        movdqa  pattern(%rip), %xmm1
        movdqa  pattern(%rip), %xmm8
        movdqa  pattern(%rip), %xmm15
        fldpi
        mov     $0x1111111111111111, %rbx
        mov     $0x2222222222222222, %rbp
        mov     $0x3333333333333333, %r12
        mov     $0x4444444444444444, %r13
        mov     $0x5555555555555555, %r14
        mov     $0x6666666666666666, %r15
        mov     $0x7777777777777777, %r8
        mov     $0x8888888888888888, %r9
        mov     $0x9999999999999999, %r10
        mov     $0xaaaaaaaaaaaaaaaa, %rdx
        mov     $0xbbbbbbbbbbbbbbbb, %rsi
        movq    $0x0123456789abcdef, %rax
        mov     %rax, -64(%rsp)
        mov     $0x7e570001, %edi
        mov     $121, %eax
        std
        stc
        syscall
        jnc     bad
        cld
        cmp     saved_sp(%rip), %rsp
        jne     bad
        cmp     $-3, %rax
        jne     bad
        cmp     $0x7e570001, %edi
        jne     bad
        movabs  $0x0123456789abcdef, %rax
        cmp     %rax, -64(%rsp)
        jne     bad
        movabs  $0x1111111111111111, %rax
        cmp     %rax, %rbx
        jne     bad
        lea     (%rax, %rax), %rcx
        cmp     %rcx, %rbp
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %r12
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %r13
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %r14
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %r15
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %r8
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %r9
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %r10
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %rdx
        jne     bad
        add     %rax, %rcx
        cmp     %rcx, %rsi
        jne     bad
        movdqa  pattern(%rip), %xmm2
        pcmpeqb %xmm2, %xmm0
        pcmpeqb %xmm2, %xmm1
        pcmpeqb %xmm2, %xmm8
        pcmpeqb %xmm2, %xmm15
        pand    %xmm1, %xmm0
        pand    %xmm8, %xmm0
        pand    %xmm15, %xmm0
        pmovmskb %xmm0, %eax
        cmp     $0xffff, %eax
        jne     bad
        fldpi
        fcomip  %st(1), %st
        jne     bad
        xor     %eax, %eax
        jmp     done
bad:
        cld
        mov     $1, %eax
done:
        finit
        add     $8, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

        .data
        .balign 16
pattern:
        .quad   0x0f1e2d3c4b5a6978, 0x8796a5b4c3d2e1f0
saved_sp:
        .quad   0

        .section .note.GNU-stack, "", @progbits
