# A 32-bit program without libc: loads its registers, announces itself by getpgid, stores what it then finds into `seen`, opens
# a path that is not there, writes "32\n", and exits with the low byte of seen[1], which is ecx.
        .globl  _start
        .text
_start:
        movaps  vector, %xmm3
        mov     $0x7e570001, %ebx
        mov     $0x22222222, %ecx
        mov     $0x33333333, %edx
        mov     $0x44444444, %esi
        mov     $0x55555555, %edi
        mov     $0x66666666, %ebp
        mov     $132, %eax
        int     $0x80
        mov     %ebx, seen
        mov     %ecx, seen + 4
        mov     %edx, seen + 8
        mov     %esi, seen + 12
        mov     %edi, seen + 16
        mov     %ebp, seen + 20
        mov     %eax, seen + 24
        movaps  %xmm3, seen_vector
        mov     $5, %eax
        mov     $path, %ebx
        xor     %ecx, %ecx
        int     $0x80
        mov     %eax, opened
        mov     $4, %eax
        mov     $1, %ebx
        mov     $text, %ecx
        mov     $3, %edx
        int     $0x80
        mov     $0x7e570002, %ebx
        mov     $132, %eax
        int     $0x80
        mov     $1, %eax
        movzbl  seen + 4, %ebx
        int     $0x80

        .data
        .globl  vector, path, seen, seen_vector, opened
        .balign 16
vector: .quad   0x0f1e2d3c4b5a6978, 0x8796a5b4c3d2e1f0
        .type   seen_vector, @object
        .size   seen_vector, 16
seen_vector:
        .quad   0, 0
        .type   seen, @object
        .size   seen, 28
seen:   .long   0, 0, 0, 0, 0, 0, 0
        .type   opened, @object
        .size   opened, 4
opened: .long   0
        .type   path, @object
path:   .asciz  "/there/is/none"
text:   .ascii  "32\n"

        .section .note.GNU-stack, "", @progbits
