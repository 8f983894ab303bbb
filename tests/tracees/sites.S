# One instruction of each kind that a trap may sit on, each behind a label `site_*` and each executed once in a round.
# `round(buffer)` is called by sites.c; what it leaves in the registers and in memory is its result.
        .text
        .globl  round
        .macro  site name
        .globl  site_\name
site_\name:
        .endm

round:
        site    endbr
        endbr64
        site    push
        push    %rbp
        site    mov
        mov     %rsp, %rbp
        push    %rbx
        push    %r12
        site    sub
        sub     $24, %rsp
        site    load
        mov     (%rdi), %rax
        site    relative_load
        mov     constant(%rip), %rbx
        site    relative_lea
        lea     constant(%rip), %r12
        sub     %rdi, %r12
        site    add
        add     %rbx, %rax
        site    flags
        adc     $1, %rax
        site    nop
        nop
        site    long_nop
        nopw    0x0(%rax,%rax,1)
        site    call
        call    callee
        lea     callee(%rip), %rcx
        site    call_register
        call    *%rcx
        mov     %rcx, 8(%rsp)
        site    call_stack
        call    *8(%rsp)
        site    call_memory
        call    *pointer(%rip)
        site    call_tracked
        notrack call *%rcx
        cmp     %rax, %rax
        site    branch_taken
        je      1f
        ud2
1:      site    branch_not_taken
        jne     1f
        inc     %rax
1:      mov     $3, %ecx
        site    loop
        loop    site_loop
        xor     %ecx, %ecx
        site    jrcxz
        jrcxz   1f
        ud2
1:      site    jump
        jmp     1f
        ud2
1:      lea     1f(%rip), %rdx
        site    jump_register
        jmp     *%rdx
        ud2
1:      site    jump_memory
        jmp     *jump_pointer(%rip)
        ud2
        .globl  landing
landing:
        lea     8(%rdi), %rsi
        push    %rdi
        lea     64(%rdi), %rdi
        mov     $40, %ecx
        site    rep
        rep movsb
        pop     %rdi
        mov     %rax, %rbx
        push    %rdi
        mov     $39, %eax
        site    syscall
        syscall
        site    after_syscall
        pop     %rdi
        lea     site_after_syscall(%rip), %rdx
        sub     %rdx, %rcx
        lea     (%rbx,%rcx), %rax
        site    string
        lodsb
        movq    %rax, %xmm1
        site    vector
        paddq   vector_constant(%rip), %xmm1
        movq    %xmm1, %rax
        site    store
        mov     %rax, (%rdi)
        site    exchange
        lock xadd %rax, 16(%rdi)
        site    set
        sete    24(%rdi)
        site    flags_push
        pushfq
        pop     %rdx
        and     $0x8d5, %edx
        add     %rdx, %rax
        site    add_stack
        add     $24, %rsp
        pop     %r12
        pop     %rbx
        site    leave
        leave
        site    ret
        ret

        .type   callee, @function
callee:
        site    in_callee
        add     (%rsp), %rax
        ret

        .data
        .balign 16
vector_constant:
        .quad   0x1111, 0x2222
constant:
        .quad   0x123456789abcdef0
pointer:
        .quad   callee
jump_pointer:
        .quad   landing
        .section .note.GNU-stack, "", @progbits
